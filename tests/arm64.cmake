# SPDX-License-Identifier: MIT
if(TARGET tsp_decoder)
    tsp_test(arm64_decode SOURCE unit/arm64_decode.c LABEL unit LINK tsp_decoder)
    tsp_test(arm32_decode SOURCE unit/arm32_decode.c LABEL unit LINK tsp_decoder)
endif()
if(TARGET tsp_emu)
    foreach(name arm64_alu arm64_memory arm64_exception arm64_sysreg arm64_smccc arm64_psci
            arm32_guest)
        tsp_test(${name} SOURCE unit/${name}.c LABEL unit LINK tsp_emu)
    endforeach()
endif()
