# SPDX-License-Identifier: MIT
if(TARGET tsp_spec)
    tsp_test(spec_policy_test SOURCE ${CMAKE_CURRENT_LIST_DIR}/spec/policy_test.c LABEL spec LINK tsp_spec)
endif()
