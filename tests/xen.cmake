# SPDX-License-Identifier: MIT
if(TARGET tsp_emu_x86)
    tsp_test(unit_xen_calls SOURCE unit/xen_calls.c LABEL unit LINK tsp_emu_x86)
endif()
if(TARGET tsp_spec)
    tsp_test(spec_xen_test SOURCE ${CMAKE_CURRENT_LIST_DIR}/spec/xen_test.c LABEL spec LINK tsp_spec)
    tsp_test(spec_xmem_test SOURCE ${CMAKE_CURRENT_LIST_DIR}/spec/xmem_test.c LABEL spec LINK tsp_spec)
endif()
