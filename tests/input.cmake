# SPDX-License-Identifier: MIT
if(TARGET tsp_input)
    tsp_test(input_format SOURCE unit/input_format.c LABEL unit LINK tsp_input)
    tsp_test(input_text SOURCE unit/input_text.c LABEL unit LINK tsp_input)
    tsp_test(input_build SOURCE unit/input_build.c LABEL unit LINK tsp_input)
    tsp_test(input_mutate SOURCE unit/input_mutate.c LABEL unit LINK tsp_input)
endif()
