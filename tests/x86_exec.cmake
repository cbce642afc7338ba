# SPDX-License-Identifier: MIT
if(TARGET tsp_emu)
    foreach(name exec_native)
        tsp_test(${name} SOURCE unit/${name}.c LABEL unit LINK tsp_emu)
    endforeach()
endif()
