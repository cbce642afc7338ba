# SPDX-License-Identifier: MIT
if(TARGET tsp_emu)
    foreach(name exec_native exec_rows exec_run exec_forms)
        tsp_test(${name} SOURCE unit/${name}.c LABEL unit LINK tsp_emu)
    endforeach()
endif()
