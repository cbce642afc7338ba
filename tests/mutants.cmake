# SPDX-License-Identifier: MIT
# Targets that are wrong on purpose, and how many of them the table tells.
if(TARGET tsp_run)
    tsp_test(mutant_target SOURCE unit/mutant_target.c LABEL unit LINK tsp_run)
endif()
if(TARGET trapspec)
    add_test(NAME mutants.historic COMMAND trapspec mutants --kind historic)
    add_test(NAME mutants.model COMMAND trapspec mutants --kind model)
    add_test(NAME mutants.protocol COMMAND trapspec mutants --kind protocol)
    add_test(NAME mutants.sample COMMAND trapspec mutants --kind systematic --sample 7)
    add_test(NAME mutants.all COMMAND trapspec mutants)
    set_tests_properties(mutants.historic mutants.model mutants.protocol mutants.sample PROPERTIES LABELS cli TIMEOUT 300)
    set_tests_properties(mutants.all PROPERTIES LABELS slow TIMEOUT 1800)
endif()
