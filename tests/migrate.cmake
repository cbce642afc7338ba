# SPDX-License-Identifier: MIT
if(TARGET tsp_run)
    tsp_test(migrate_model SOURCE unit/migrate_model.c LABEL unit LINK tsp_run)
endif()
