# SPDX-License-Identifier: MIT
# Races: every schedule on the model, and the shared-memory protocols on real threads.
if(TARGET tsp_run)
    tsp_test(race_explore SOURCE race/explore.c LABEL unit LINK tsp_run)
    tsp_test(race_damaged SOURCE race/damaged.c LABEL unit LINK tsp_run)
    tsp_test(race_rules SOURCE spec/race_test.c LABEL spec LINK tsp_spec)
    find_package(Threads REQUIRED)
    tsp_test(race_threads SOURCE race/threads.c LABEL unit TIMEOUT 60 LINK Threads::Threads)
    if(TARGET trapspec)
        add_test(NAME cli.race_replays COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/cli/race.sh $<TARGET_FILE:trapspec>)
        set_tests_properties(cli.race_replays PROPERTIES LABELS cli TIMEOUT 120)
        add_test(NAME cli.race_harness COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/cli/race-harness.sh $<TARGET_FILE:trapspec>
                                               ${CMAKE_BINARY_DIR}/bin/fz_race)
        set_tests_properties(cli.race_harness PROPERTIES LABELS cli SKIP_RETURN_CODE 77 TIMEOUT 120)
        add_test(NAME kvm.race_threads COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/race/kvm.sh $<TARGET_FILE:trapspec>)
        set_tests_properties(kvm.race_threads PROPERTIES LABELS kvm SKIP_RETURN_CODE 77 TIMEOUT 700)
    endif()
endif()
