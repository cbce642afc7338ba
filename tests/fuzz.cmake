# SPDX-License-Identifier: MIT
# Every harness without an engine: its seeds as text, the same as binary, and all inputs that ever broke it.
if(TARGET fz_exec AND TRAPSPEC_ENGINE STREQUAL "standalone" AND TRAPSPEC_TESTS)
    foreach(name fz_exec fz_cpuid fz_hypercall fz_race fz_decoder fz_judge fz_policy)
        set(inputs ${CMAKE_SOURCE_DIR}/corpora/text/${name} ${CMAKE_BINARY_DIR}/seeds/${name})
        if(EXISTS ${CMAKE_SOURCE_DIR}/corpora/regress/${name})
            list(APPEND inputs ${CMAKE_SOURCE_DIR}/corpora/regress/${name})
        endif()
        add_test(NAME regress.${name} COMMAND ${name} ${inputs})
        set_tests_properties(regress.${name} PROPERTIES LABELS regress TIMEOUT 120)
    endforeach()
    tsp_test(fuzz_harness SOURCE unit/fuzz_harness.c LABEL fuzz LINK tsp_input)
endif()
