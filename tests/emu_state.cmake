# SPDX-License-Identifier: MIT
if(TARGET tsp_emu_state AND TARGET tsp_decoder)
    foreach(name emu_mem emu_mmu emu_code)
        tsp_test(${name} SOURCE ${CMAKE_SOURCE_DIR}/tests/unit/${name}.c LABEL unit LINK tsp_emu_state tsp_decoder)
    endforeach()
endif()
