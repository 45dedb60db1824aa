/**
 * @file The Python program in which one generated program meets one assertion. It limits and confines its own process
 * first; `programs.ts` says what that does and does not contain.
 *
 * It reads a request from standard input (JSON: program, assertion, alias, token, seconds, memoryBytes, confine) and writes
 * `<token> passed`, `<token> failed` or `<token> error` to standard output, the last only where Python itself raised
 * something else than AssertionError. A process that ends in any other way has written nothing.
 */
export const pythonDriver = `
import ast, builtins, json, os, re, resource, sys, types

def limit(seconds, memory):
    """Hard limits: a process without privileges cannot raise them again."""
    limits = {
        "RLIMIT_CPU": seconds,
        "RLIMIT_AS": memory,        # macOS does not keep to this one
        "RLIMIT_FSIZE": 1 << 20,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": 0,          # no further process or thread; the kernel exempts root
    }
    for name, value in limits.items():
        try:
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            if hard != resource.RLIM_INFINITY:
                value = min(value, hard)
            resource.setrlimit(kind, (value, value))
        except (AttributeError, ValueError, OSError):
            if sys.platform == "linux":
                raise

def confine():
    """Where this is Linux, takes away privileges, files, network and other processes, as far as the kernel can do that."""
    import ctypes, struct
    libc = ctypes.CDLL(None, use_errno=True)
    long = ctypes.c_long

    def syscall(number, *arguments):
        return libc.syscall(long(number), *[long(a) if isinstance(a, int) else a for a in arguments])

    machine = os.uname().machine
    PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
    libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

    # Capabilities: without them root's hard limits hold as well. Version 3 header, then three empty sets in two halves.
    if machine in ("x86_64", "aarch64"):
        syscall(126 if machine == "x86_64" else 91, struct.pack("Ii", 0x20080522, 0), bytes(24))

    # Landlock (Linux 5.13): read what Python consists of, write below the working folder. See landlock(7).
    create_ruleset, add_rule, restrict_self = 444, 445, 446
    version = syscall(create_ruleset, None, 0, 1)
    if version >= 1:
        every_right = (1 << {1: 13, 2: 14}.get(version, 15)) - 1
        READ_FILE, READ_DIR, WRITE_FILE = 1 << 2, 1 << 3, 1 << 1
        handled = struct.pack("Q", every_right)
        ruleset = syscall(create_ruleset, handled, len(handled), 0)

        def allow(path, rights):
            try:
                descriptor = os.open(path, os.O_PATH)
            except OSError:
                return
            if not os.path.isdir(path):
                rights &= READ_FILE | WRITE_FILE
            syscall(add_rule, ruleset, 1, struct.pack("=Qi", rights, descriptor), 0)
            os.close(descriptor)

        libraries = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/nix/store", "/usr/share/zoneinfo", "/etc/localtime"]
        for path in {sys.prefix, sys.base_prefix, sys.exec_prefix, *filter(None, sys.path), *libraries}:
            allow(path, READ_FILE | READ_DIR)
        for path in ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"]:
            allow(path, READ_FILE | WRITE_FILE)
        allow(os.getcwd(), every_right)
        syscall(restrict_self, ruleset, 0)
        os.close(ruleset)

    # seccomp: a filter over system calls, as classic BPF over struct seccomp_data (number at 0, architecture at 4, the
    # first argument at 16). Refused: other processes, threads, sockets, and ways round that.
    numbers = {
        "x86_64": (0xC000003E, [56, 57, 58, 435, 59, 322, 41, 101, 129, 297, 424, 425, 310, 311, 272, 308], [62, 200, 234]),
        "aarch64": (0xC00000B7, [220, 435, 221, 281, 198, 117, 138, 240, 424, 425, 270, 271, 97, 268], [129, 130, 131]),
        # clone fork vfork clone3 execve execveat socket ptrace rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal
        # io_uring_setup process_vm_readv process_vm_writev unshare setns; of this process only: kill tkill tgkill
    }
    if machine in numbers:
        architecture, refused, signals = numbers[machine]
        LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
        ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | 1  # errno 1 is EPERM
        filters = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL)]
        filters += [(LOAD, 0, 0, 0), (AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, REFUSE)]  # numbers of the x32 ABI
        for number in refused:
            filters += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
        for number in signals:
            filters += [(EQUAL, 0, 4, number), (LOAD, 0, 0, 16), (EQUAL, 1, 0, os.getpid())]
            filters += [(RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
        filters.append((RETURN, 0, 0, ALLOW))
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in filters))
        program = struct.pack("HxxxxxxP", len(filters), ctypes.addressof(code))
        libc.prctl(PR_SET_SECCOMP, 2, program, 0, 0)

def called_names(assertion, alias):
    """The names of an assertion that a function under another name may answer to."""
    if alias == "asserted":
        return re.findall(r"(?m)^\\s*assert\\s+(\\w+)\\s*\\(", assertion)
    return [node.func.id for node in ast.walk(ast.parse(assertion))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]

def outcome_of(program, assertion, alias):
    # Everything that the verdict needs is taken before the program runs, which may put something else in its place.
    execute, is_there, is_callable, built_in = exec, hasattr, callable, builtins
    module = types.ModuleType("program")
    sys.modules["program"] = module
    names = module.__dict__
    try:
        test = compile(assertion, "<assertion>", "exec", dont_inherit=True)
        called = called_names(assertion, alias)
        execute(compile(program, "<program>", "exec", dont_inherit=True), names)
        # As in the paper's code: the function under another name is still the function.
        missing = [name for name in called if name not in names and not is_there(built_in, name)]
        callables = [value for name, value in names.items() if is_callable(value) and not name.startswith("__")]
        if missing and callables:
            names[missing[0]] = callables[0]
        execute(test, names)
        return "passed"
    except AssertionError:
        return "failed"
    except BaseException:
        return "error"

def main():
    request = json.load(open(0, "rb", closefd=False))
    words = {word: (request["token"] + " " + word).encode() for word in ("passed", "failed", "error")}
    limit(request["seconds"], request["memoryBytes"])
    if request["confine"] and sys.platform == "linux":
        confine()
    result = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    write, leave = os.write, os._exit
    write(result, words[outcome_of(request["program"], request["assertion"], request["alias"])])
    leave(0)

main()
`;
