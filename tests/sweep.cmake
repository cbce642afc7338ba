# SPDX-License-Identifier: MIT
if(TARGET tsp_run)
    tsp_test(test_cpuid_direct SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/cpuid_direct.c LABEL unit LINK tsp_run)
    tsp_test(test_sweep_map SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/sweep_map.c LABEL unit LINK tsp_run)
endif()
if(TARGET trapspec)
    add_test(NAME cli.sweep COMMAND ${CMAKE_CURRENT_LIST_DIR}/cli/sweep.sh $<TARGET_FILE:trapspec>)
    set_tests_properties(cli.sweep PROPERTIES LABELS cli SKIP_RETURN_CODE 77 TIMEOUT 120)
endif()
