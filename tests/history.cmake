# SPDX-License-Identifier: MIT
# lguest, VMI and the generic proposal: interfaces that nobody ships any more.
if(TARGET tsp_spec)
    foreach(name lguest vmi)
        tsp_test(spec_${name}_test SOURCE ${CMAKE_CURRENT_LIST_DIR}/spec/${name}_test.c LABEL spec LINK tsp_spec)
    endforeach()
endif()
if(TARGET tsp_run)
    tsp_test(unit_history_guests SOURCE unit/history_guests.c LABEL unit LINK tsp_run)
endif()
