# SPDX-License-Identifier: MIT
# What a look at the machine shows beside its events.
if(TARGET tsp_spec)
    tsp_test(spec_looks_test SOURCE ${CMAKE_CURRENT_LIST_DIR}/spec/looks_test.c LABEL spec LINK tsp_spec)
endif()
