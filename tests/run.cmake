# SPDX-License-Identifier: MIT
# Running, judging, comparing and reporting. Tests that bring their own target or their own rules link what they test.
if(TARGET tsp_run)
    foreach(name run_sched run_exec diff_outcome known_list)
        tsp_test(${name} SOURCE unit/${name}.c LABEL unit LINK tsp_run)
    endforeach()
    tsp_test(report_rows SOURCE unit/report_rows.c LABEL unit LINK tsp_run)
    tsp_test(judge_stop SOURCE unit/judge_stop.c LABEL unit LINK tsp_run)
    tsp_test(probe_scenarios SOURCE unit/probe_scenarios.c LABEL unit LINK tsp_run)
    tsp_test(recorded_events SOURCE unit/recorded_events.c LABEL unit LINK tsp_run)
    tsp_test(target_names SOURCE unit/target_names.c LABEL unit LINK tsp_target)
    tsp_test(run_outcome SOURCE unit/run_outcome.c LABEL unit LINK tsp_run)
endif()
