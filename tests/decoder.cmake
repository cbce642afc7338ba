# SPDX-License-Identifier: MIT
if(TARGET tsp_decoder)
    tsp_test(decoder_table SOURCE unit/decoder_table.c LABEL unit LINK tsp_decoder)
    tsp_test(decoder_random SOURCE unit/decoder_random.c LABEL unit LINK tsp_decoder)
    # another decoder's lengths, where it is installed
    find_library(TRAPSPEC_ZYDIS Zydis)
    if(TRAPSPEC_ZYDIS)
        tsp_test(decoder_zydis SOURCE unit/decoder_zydis.c LABEL unit LINK tsp_decoder ${TRAPSPEC_ZYDIS})
    endif()
endif()
