# SPDX-License-Identifier: MIT
if(TARGET tsp_emu_x86)
    tsp_test(unit_vmware_backdoor SOURCE unit/vmware_backdoor.c LABEL unit LINK tsp_emu_x86)
endif()
