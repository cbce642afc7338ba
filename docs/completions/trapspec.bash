# SPDX-License-Identifier: MIT
# Completion for bash: source this file, or install it as share/bash-completion/completions/trapspec.

_trapspec_machine="--arch --host --guest --cpu --mode --cpl --el --hv --hv-base --policy --patch --psci --reg"

_trapspec_options()
{
    case $1 in
    run) echo "$_trapspec_machine --target --budget --hex --migrate --all --known --json --color --in-process --plugin-timeout" ;;
    replay) echo "--target --harness --protocol --known --budget --verbose --text --json --color --in-process --plugin-timeout" ;;
    report) echo "--target --output --sample --cpu --sweep --corpus --known --no-known --skip --below --json --color --in-process --plugin-timeout" ;;
    diff) echo "--filter --skip --first --time --seed --findings --corpus --cpu --below --json --color --in-process --plugin-timeout" ;;
    decode) echo "--mode --file --json" ;;
    cpuid) echo "--format --live --kvm --list --cpu --guest --hv --hv-base --policy --output" ;;
    lint) echo "--live --json --sarif --junit --color" ;;
    sweep) echo "--guest --cpu --hv --hv-base --policy --host --mode --cpl --target --leaves --random --jobs --output --html --known --json --color --in-process --plugin-timeout" ;;
    level) echo "--hvm --pv --vendor --output --format --json --color" ;;
    migrate) echo "--policy --vendor --hvm --pv --json --color" ;;
    spec) echo "--table --json" ;;
    fuzz) echo "--engine --time --target --output --seeds --cpu --build --json --in-process --plugin-timeout" ;;
    mutants) echo "--list --kind --engine --time --sample --seed --jobs --target --known --output --json --color" ;;
    race) echo "--protocol --all --host --mode --place --prefix --pages --other --vcpus --width --order --locked --cas --blind --int --open --preempt --jobs --rounds --target --html --output --json --color" ;;
    record) echo "--target --output --like --probes --filter --sample --time --repeat --host --color" ;;
    esac
}

# Words for an option's value; none: a file.
_trapspec_values()
{
    case $1 in
    --arch) echo "x86_64 aarch64" ;;
    --host) echo "intel amd" ;;
    --guest) echo "intel amd hygon centaur" ;;
    --mode) echo "long64 compat32 compat16 prot32 prot16 real16 vm86 a64 a32 t32" ;;
    --cpl) echo "0 3" ;;
    --el) echo "0 1" ;;
    --hv) echo "kvm xen hyperv vmware lguest vmi generic none" ;;
    --patch) echo "rewrite emulate inject" ;;
    --psci) echo "0.1 0.2 1.0 1.1 1.2 1.3" ;;
    --target) echo "model:kvm model:kvm@linux-6.1 model:kvm@linux-6.12 model:kvm@linux-6.13 model:kvm@linux-6.16 model:hyperv model:lguest model:lguest@linux-2.6.32 model:lguest@linux-4.13 kvm plugin: golden: dump:" ;;
    --cpu) trapspec cpuid --list 2>/dev/null ;;
    --format) echo "raw aida64 libcpuid libvirt firecracker xen-policy xen-featureset json" ;;
    --kind) echo "historic systematic model protocol rules" ;;
    --below) echo "tcg" ;;
    --color) echo "auto always never" ;;
    --engine) echo "libfuzzer afl" ;;
    --harness) echo "fz_exec fz_cpuid fz_hypercall fz_race" ;;
    --table) trapspec spec list --json 2>/dev/null | sed -E 's/.*"table":"([^"]*)".*/\1/' | sort -u ;;
    esac
}

# `model:kvm` and `golden:FILE` hold a colon, at which readline starts a new word: the words before are put together
# again, and of a reply only what follows the first colon is given back.
_trapspec_reply()
{
    local words=$1 cur=$2 kind="" i

    case $cur in
    golden:* | dump:* | plugin:*)
        kind=${cur%%:*}:
        mapfile -t COMPREPLY < <(compgen -f -P "$kind" -- "${cur#*:}")
        ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur") ;;
    esac
    [[ $COMP_WORDBREAKS == *:* && $cur == *:* ]] || return
    for i in "${!COMPREPLY[@]}"; do
        COMPREPLY[i]=${COMPREPLY[i]#"${cur%%:*}:"}
    done
}

_trapspec()
{
    local line=${COMP_LINE:0:COMP_POINT} cur prev verb values
    local -a typed

    read -ra typed <<<"$line"
    [[ $line == *[[:space:]] ]] && typed+=("")
    cur=${typed[${#typed[@]} - 1]}
    prev=${typed[${#typed[@]} - 2]}
    verb=${typed[1]:-}
    COMPREPLY=()
    if [ ${#typed[@]} -le 2 ]; then
        _trapspec_reply "run replay report diff decode cpuid lint sweep level migrate spec fuzz record mutants race --help --version" "$cur"
        return
    fi
    values=$(_trapspec_values "$prev")
    if [ -n "$values" ]; then
        _trapspec_reply "$values" "$cur"
    elif [[ $cur == -* ]]; then
        _trapspec_reply "$(_trapspec_options "$verb") --help" "$cur"
    elif [[ $verb == spec && ${#typed[@]} -eq 3 ]]; then
        _trapspec_reply "list show sources behaviours lint" "$cur"
    elif [[ $verb == fuzz && ${#typed[@]} -eq 3 ]]; then
        _trapspec_reply "fz_exec fz_cpuid fz_hypercall fz_race fz_decoder fz_judge fz_policy" "$cur"
    elif [[ $verb == diff && $prev != -* ]]; then
        _trapspec_reply "$(_trapspec_values --target)" "$cur"
    fi
}

complete -o default -F _trapspec trapspec
