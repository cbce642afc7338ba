# SPDX-License-Identifier: MIT
if(TARGET tsp_formats)
    tsp_test(test_dump_formats SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/dump_formats.c LABEL unit LINK tsp_formats)
    tsp_test(test_dump_wild SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/dump_wild.c LABEL unit LINK tsp_formats)
endif()
