# SPDX-License-Identifier: MIT
# Real KVM (skipped where there is none), recordings of it, and recording itself.
if(TARGET tsp_run)
    tsp_test(kvm_live SOURCE ${CMAKE_CURRENT_LIST_DIR}/kvm/live.c LABEL kvm LINK tsp_run)
endif()
if(TARGET trapspec)
    set(kvm_dir ${CMAKE_CURRENT_LIST_DIR}/kvm)
    set(recordings ${CMAKE_SOURCE_DIR}/corpora/recordings)
    set(shared ${CMAKE_SOURCE_DIR}/../shared/golden)
    function(kvm_test name)
        add_test(NAME kvm.${name} COMMAND ${ARGN})
        set_tests_properties(kvm.${name} PROPERTIES LABELS kvm SKIP_RETURN_CODE 77 TIMEOUT 300)
    endfunction()
    kvm_test(record_intel ${kvm_dir}/round_trip.sh $<TARGET_FILE:trapspec> --host intel --sample 3)
    kvm_test(record_amd ${kvm_dir}/round_trip.sh $<TARGET_FILE:trapspec> --host amd --sample 3)
    kvm_test(record_seeds ${kvm_dir}/round_trip.sh $<TARGET_FILE:trapspec> ${CMAKE_SOURCE_DIR}/corpora/text)
    kvm_test(record_like ${kvm_dir}/round_trip.sh $<TARGET_FILE:trapspec> --host amd
             --like ${recordings}/x86-amd-6.1.0-56.jsonl)
    kvm_test(record_keep ${kvm_dir}/keep.sh $<TARGET_FILE:trapspec>)
    kvm_test(recording_amd $<TARGET_FILE:trapspec> diff model:kvm@linux-6.1
             golden:${recordings}/x86-amd-6.1.0-56.jsonl --below tcg)
    kvm_test(recording_arm64 $<TARGET_FILE:trapspec> diff model:kvm@linux-6.1
             golden:${recordings}/arm64-6.1.0-56.jsonl --below tcg)
    foreach(file x86-amd arm64)
        kvm_test(recording_${file}_6.12 $<TARGET_FILE:trapspec> diff model:kvm@linux-6.12
                 golden:${recordings}/${file}-6.12.95.jsonl --below tcg)
        # The two kernels can be told apart by what was recorded.
        kvm_test(recording_${file}_is_new sh -c "! '$<TARGET_FILE:trapspec>' diff model:kvm@linux-6.1 \
'golden:${recordings}/${file}-6.12.95.jsonl' --below tcg >/dev/null")
    endforeach()
    # What is left when the processor below is left out is KVM's, and each of it is accepted with a reason.
    foreach(file x86-amd-6.1.0-56 arm64-6.1.0-56 x86-amd-6.12.95 arm64-6.12.95)
        kvm_test(judge_${file} $<TARGET_FILE:trapspec> report --below tcg
                 --target golden:${recordings}/${file}.jsonl)
    endforeach()
    kvm_test(report_amd ${kvm_dir}/report.sh $<TARGET_FILE:trapspec> ${recordings}/x86-amd-6.1.0-56.jsonl
             UD-WHERE UD-VMCALL UD-RO-PATCH UD-PF UD-MMIO UD-HANG UD-TF)
    kvm_test(report_arm64 ${kvm_dir}/report.sh $<TARGET_FILE:trapspec> ${recordings}/arm64-6.1.0-56.jsonl
             FEAT-SELF WA2-NO TRNG-FEAT)
    foreach(file x86-kvm-amd x86-kvm-intel arm64-kvm)
        if(EXISTS ${shared}/${file}.jsonl)
            string(REGEX MATCH "intel|amd" host "${file}")
            if(NOT host)
                set(host intel)
            endif()
            kvm_test(record_${file} ${kvm_dir}/round_trip.sh $<TARGET_FILE:trapspec> --host ${host}
                     --like ${shared}/${file}.jsonl)
        endif()
    endforeach()
    kvm_test(nested_without ${kvm_dir}/nested_without.sh ${CMAKE_SOURCE_DIR}/ci/nested/run.sh)
    kvm_test(nested_usage sh -c "! ${CMAKE_SOURCE_DIR}/ci/nested/run.sh sparc >/dev/null 2>&1")
    kvm_test(nested_usage_suite sh -c "! ${CMAKE_SOURCE_DIR}/ci/nested/run.sh x86_64 --suite ../sid >/dev/null 2>&1")
endif()
