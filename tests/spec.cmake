# SPDX-License-Identifier: MIT
if(TARGET tsp_spec)
    foreach(name reader pred pred_arm arm32 patch call hyperv hyperv_own kvm_msr ask cpuid cpuid_fields arm flow owner
            vmware)
        tsp_test(spec_${name}_test SOURCE ${CMAKE_CURRENT_LIST_DIR}/spec/${name}_test.c LABEL spec LINK tsp_spec)
    endforeach()
endif()
# Judge and model together: each named behaviour is flagged by the rules that are said to flag it.
if(TARGET tsp_run)
    tsp_test(spec_caught_test SOURCE ${CMAKE_CURRENT_LIST_DIR}/spec/caught_test.c LABEL spec TIMEOUT 900 LINK tsp_run)
endif()
