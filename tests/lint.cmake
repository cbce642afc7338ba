# SPDX-License-Identifier: MIT
if(TARGET tsp_formats)
    tsp_test(test_dump_formats SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/dump_formats.c LABEL unit LINK tsp_formats)
    tsp_test(test_dump_wild SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/dump_wild.c LABEL unit LINK tsp_formats)
    tsp_test(lint_documents SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/lint_documents.c LABEL unit LINK tsp_formats)
    if(TRAPSPEC_TESTS)
        # The judging half of `lint`, without its program.
        set(lint ${CMAKE_SOURCE_DIR}/cli)
        add_library(tsp_lint STATIC ${lint}/lint.c ${lint}/lint_cache.c ${lint}/lint_cpus.c ${lint}/lint_depends.c ${lint}/lint_errata.c
            ${lint}/lint_hv.c ${lint}/lint_text.c ${lint}/lint_topology.c ${lint}/lint_who.c)
        target_link_libraries(tsp_lint PUBLIC tsp_formats)
        tsp_test(lint_planted SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/lint_planted.c LABEL unit LINK tsp_lint)
        tsp_test(lint_planted_sizes SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/lint_planted_sizes.c LABEL unit LINK tsp_lint)
        tsp_test(lint_planted_leaves SOURCE ${CMAKE_CURRENT_LIST_DIR}/unit/lint_planted_leaves.c LABEL unit LINK tsp_lint)
    endif()
endif()
if(TARGET tsp_spec)
    tsp_test(spec_depends_test SOURCE ${CMAKE_CURRENT_LIST_DIR}/spec/depends_test.c LABEL spec LINK tsp_spec)
endif()
