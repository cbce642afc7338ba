# SPDX-License-Identifier: MIT
add_test(NAME layers.includes COMMAND ${CMAKE_SOURCE_DIR}/ci/check_layers.sh)
set_tests_properties(layers.includes PROPERTIES LABELS layers)
if(TARGET trapspec)
    foreach(name output completions json full-disk deterministic interrupt fuzz-cpu)
        add_test(NAME cli.${name} COMMAND ${CMAKE_CURRENT_LIST_DIR}/cli/${name}.sh $<TARGET_FILE:trapspec>)
        set_tests_properties(cli.${name} PROPERTIES LABELS cli SKIP_RETURN_CODE 77 TIMEOUT 120)
    endforeach()
endif()
