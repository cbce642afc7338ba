# SPDX-License-Identifier: MIT
# Plug-ins: wrong ones, one way each, are named and do not end the campaign; right ones are judged.
if(NOT TARGET trapspec OR NOT CMAKE_SYSTEM_NAME STREQUAL Linux OR TRAPSPEC_STATIC OR NOT TRAPSPEC_TESTS)
    return()
endif()

# The exit code, and what the one line about it says.
function(bad_plugin what code text)
    string(TOLOWER ${what} name)
    add_test(NAME plugin.bad_${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/plugin/bad.sh $<TARGET_FILE:trapspec>
             ${CMAKE_C_COMPILER} ${CMAKE_SOURCE_DIR} ${what} ${code} ${text} ${ARGN})
    set_tests_properties(plugin.bad_${name} PROPERTIES LABELS plugin TIMEOUT 120)
endfunction()

bad_plugin(nothing 3 "no symbol tsp_plugin")
bad_plugin(WRONG_ABI 3 "built for ABI 999")
bad_plugin(RETURNS_NULL 3 "returned NULL for ABI")
bad_plugin(SMALL 3 "its table is 16 bytes")
bad_plugin(NULL_RUN 3 "run is NULL")
bad_plugin(NULL_RUNNABLE 3 "runnable, which TSP_CAP_EXEC needs, is NULL")
bad_plugin(NO_NAME 3 "its name is missing")
bad_plugin(CAPS_UNKNOWN 3 "bits that are not defined")
bad_plugin(CAPS_NONE 3 "names no architecture")
bad_plugin(OPEN_FAILS 3 "no licence")
bad_plugin(DIES_LOADING 3 "killed by signal 11 while it was loaded")
bad_plugin(EXITS_LOADING 3 "with status 3 while it was loaded")
bad_plugin(PRINTS_LOADING 3 "wrote to standard output while it was loaded")
bad_plugin(FORKS_LOADING 3 "made another process while it was loaded")
bad_plugin(DIES 1 "killed by signal 11" 400)
bad_plugin(ABORTS 1 "killed by signal 6" 400)
bad_plugin(EXITS 1 "ended its process, exit status 0" 400)
bad_plugin(QUICK_EXITS 1 "ended its process, exit status 7" 400)
bad_plugin(HANGS 1 "did not return within" 400)
bad_plugin(STOPS_ITSELF 1 "did not return within" 400)
bad_plugin(HANGS_OFTEN 1 "failed too often" 400)
bad_plugin(PRINTS 1 "wrote 6 bytes to standard output" 400)
bad_plugin(FORKS 1 "made another process" 400)
bad_plugin(SPAWNS 1 "made another process" 400)
bad_plugin(CLOSES 1 "closed descriptors" 400)
bad_plugin(LIMITS 1 "changed the limits" 400)
bad_plugin(STATUS 1 "returned status 42" 400)
bad_plugin(KIND_HIGH 1 "an event of kind 99" 400)
bad_plugin(KIND_NONE 1 "an event of kind 0" 400)
bad_plugin(CODE_HIGH 1 "code is out of range: 0xdead" 400)
bad_plugin(VCPU_HIGH 1 "an event of vCPU 3" 400)
bad_plugin(LEN_HIGH 1 "an event with 255 instruction bytes" 400)
bad_plugin(MODE_HIGH 1 "no mode of this architecture" 400)
bad_plugin(LEVEL_HIGH 1 "no mode of this architecture" 400)
bad_plugin(PC_HOLE 1 "a pc that cannot be" 400)
bad_plugin(BUDGET_OVER 1 "more than it was given" 400)
bad_plugin(RUNNABLE_HIGH 1 "vCPUs that do not exist" 400)
bad_plugin(RESET_DIES 1 "killed by signal 7" 400)
bad_plugin(RESET_KIND 1 "an event of kind 3" 400)
bad_plugin(SCRIBBLES 1 "an event of kind 65535" 400)
bad_plugin(OVERFLOWS 1 "killed by signal 11" 400)
bad_plugin(PEEK_DIES 1 "killed by signal 8" 400)
bad_plugin(SET_REFUSED 1 "cannot be set again" 400)

# The model with one defect each: the rule that has to tell does.
# Under sanitizers one family stands for all: each judges every probe once a defect, the same code again.
set(families c sh pfmil a q v)
if(TRAPSPEC_SANITIZE)
    set(families v)
endif()
foreach(prefixes ${families})
    add_test(NAME plugin.wrong_${prefixes} COMMAND ${CMAKE_SOURCE_DIR}/tests/plugin/wrong.sh $<TARGET_FILE:trapspec>
             ${CMAKE_C_COMPILER} ${CMAKE_SOURCE_DIR} ${prefixes})
    set_tests_properties(plugin.wrong_${prefixes} PROPERTIES LABELS plugin TIMEOUT 900)
endforeach()

# Schedules of a plug-in that takes micro-steps.
add_test(NAME plugin.race COMMAND ${CMAKE_SOURCE_DIR}/tests/plugin/race.sh $<TARGET_FILE:trapspec> ${CMAKE_C_COMPILER}
         ${CMAKE_SOURCE_DIR})
set_tests_properties(plugin.race PROPERTIES LABELS plugin TIMEOUT 300)

# docs/PLUGIN.md as a person follows it, on an installed copy.
find_program(TRAPSPEC_GUIDE_CXX NAMES c++ g++ clang++)
if(TRAPSPEC_GUIDE_CXX AND NOT TRAPSPEC_SANITIZE)
    add_test(NAME plugin.guide COMMAND ${CMAKE_SOURCE_DIR}/tests/plugin/guide.sh ${CMAKE_BINARY_DIR}
             ${CMAKE_SOURCE_DIR}/docs/PLUGIN.md)
    set_tests_properties(plugin.guide PROPERTIES LABELS plugin TIMEOUT 300)
endif()
