# SPDX-License-Identifier: MIT
if(TARGET tsp_formats)
    tsp_test(test_formats SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/formats.c LABEL unit LINK tsp_formats)
    tsp_test(test_formats_wild SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/formats_wild.c LABEL unit LINK tsp_formats)
endif()
if(TARGET trapspec)
    # Each golden pair is a case of its own: tests/golden/NAME.in holds the arguments, NAME.out what is printed.
    file(GLOB pairs CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/golden/*.in)
    foreach(pair ${pairs})
        get_filename_component(name ${pair} NAME_WE)
        add_test(NAME golden.${name} COMMAND ${CMAKE_CURRENT_LIST_DIR}/golden/run.sh $<TARGET_FILE:trapspec> ${name})
        set_tests_properties(golden.${name} PROPERTIES LABELS golden SKIP_RETURN_CODE 77 TIMEOUT 60)
    endforeach()
endif()
