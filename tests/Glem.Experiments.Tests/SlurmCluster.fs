namespace Glem.Experiments.Tests

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Sockets
open System.Security.Cryptography
open System.Threading
open Xunit

/// A Slurm of one node and two processors on this machine: its own munged, slurmctld and slurmd, on ports and in a folder of their
/// own, from Debian's packages. Started for the tests that want it and stopped after them; nothing else of the machine is touched.
[<Sealed>]
type SlurmCluster() =
    let folder = new TestFolder()
    let daemons = ResizeArray<Process>()

    let freePort () =
        use probe = new TcpListener(IPAddress.Loopback, 0)
        probe.Start()
        (probe.LocalEndpoint :?> IPEndPoint).Port

    let configuration () =
        let host = Dns.GetHostName()

        [
            "ClusterName=glem"
            $"SlurmctldHost=%s{host}(127.0.0.1)"
            $"SlurmctldPort=%d{freePort ()}"
            $"SlurmdPort=%d{freePort ()}"
            "AuthType=auth/munge"
            $"""AuthInfo=socket=%s{folder.File "munge.socket"}"""
            "CredType=cred/munge"
            "SlurmUser=root"
            "SlurmdUser=root"
            "ProctrackType=proctrack/linuxproc"
            "TaskPlugin=task/none"
            "MpiDefault=none"
            $"""StateSaveLocation=%s{folder.File "state"}"""
            $"""SlurmdSpoolDir=%s{folder.File "spool"}"""
            $"""SlurmctldPidFile=%s{folder.File "slurmctld.pid"}"""
            $"""SlurmdPidFile=%s{folder.File "slurmd.pid"}"""
            "SelectType=select/cons_tres"
            "SelectTypeParameters=CR_CPU"
            // Tests wait for it.
            "SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1"
            "KillWait=5"
            "JobAcctGatherType=jobacct_gather/none"
            "AccountingStorageType=accounting_storage/none"
            // More than there are, on a machine of one.
            "SlurmdParameters=config_overrides"
            $"NodeName=node1 NodeHostname=%s{host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN"
            "PartitionName=small Nodes=node1 Default=YES MaxTime=INFINITE State=UP"
            ""
        ]
        |> String.concat "\n"

    let conf = folder.File "slurm.conf"
    let environment = [ "SLURM_CONF", conf ]

    let startDaemon name (program: string) arguments =
        let info =
            ProcessStartInfo(
                program,
                (arguments: string list),
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        info.Environment["SLURM_CONF"] <- conf
        let started = Process.Start info |> nonNull
        let log = TextWriter.Synchronized(new StreamWriter(folder.File $"%s{name}.log", AutoFlush = true))
        let note (line: DataReceivedEventArgs) = log.WriteLine line.Data
        started.OutputDataReceived.Add note
        started.ErrorDataReceived.Add note
        started.BeginOutputReadLine()
        started.BeginErrorReadLine()
        daemons.Add started

    let ask (limit: float) program arguments =
        GlemProcess.start program folder.Path (TimeSpan.FromSeconds limit) environment arguments

    let isThere program =
        [ "/usr/sbin"; "/usr/bin"; "/sbin"; "/bin" ]
        |> List.exists (fun folder -> File.Exists(Path.Combine(folder, program)))

    let isInstalled () = [ "munged"; "slurmctld"; "slurmd"; "sbatch" ] |> List.forall isThere

    /// As the launcher installs what it needs.
    let install () =
        let apt arguments =
            GlemProcess.start
                "apt-get"
                folder.Path
                (TimeSpan.FromMinutes 8.0)
                [ "DEBIAN_FRONTEND", "noninteractive" ]
                ("-o" :: "DPkg::Lock::Timeout=240" :: arguments)

        let asked = apt [ "install"; "-y"; "--no-install-recommends"; "slurm-wlm" ]

        if asked.Code <> 0 then
            // The lists may be old, or not there.
            apt [ "update" ] |> ignore
            apt [ "install"; "-y"; "--no-install-recommends"; "slurm-wlm" ] |> ignore

    let waitFor what (isSo: unit -> bool) =
        let clock = Stopwatch.StartNew()

        while not (isSo ()) do
            if clock.Elapsed > TimeSpan.FromSeconds 60.0 then
                failwith $"the test's own Slurm: %s{what} in 60 s"

            Thread.Sleep 200

    let start () =
        folder.Write("slurm.conf", configuration ())
        File.WriteAllBytes(folder.File "munge.key", RandomNumberGenerator.GetBytes 1024)
        File.SetUnixFileMode(folder.File "munge.key", UnixFileMode.UserRead ||| UnixFileMode.UserWrite)
        Directory.CreateDirectory(folder.File "state") |> ignore
        Directory.CreateDirectory(folder.File "spool") |> ignore

        startDaemon "munged" "munged" [
            "--foreground"
            // The folder is below /tmp, which others can write to.
            "--force"
            $"""--key-file=%s{folder.File "munge.key"}"""
            $"""--socket=%s{folder.File "munge.socket"}"""
            $"""--pid-file=%s{folder.File "munged.pid"}"""
            $"""--seed-file=%s{folder.File "munge.seed"}"""
        ]

        waitFor "no munged" (fun () -> File.Exists(folder.File "munge.socket"))
        startDaemon "slurmctld" "slurmctld" [ "-D" ]
        startDaemon "slurmd" "slurmd" [ "-D"; "-N"; "node1" ]

        waitFor "no idle node" (fun () -> (ask 30.0 "sinfo" [ "--noheader"; "--format=%T" ]).Out.Trim() = "idle")

    let stop () =
        for daemon in Seq.rev daemons do
            // SIGTERM, which they end by in order.
            ask 10.0 "kill" [ string daemon.Id ] |> ignore

            if not (daemon.WaitForExit(TimeSpan.FromSeconds 15.0)) then
                daemon.Kill true

    let problem =
        if Environment.UserName <> "root" then
            Some "Slurm's daemons are started by root"
        else
            if
                not (isInstalled ())
                && isThere "apt-get"
                && isNull (Environment.GetEnvironmentVariable "GLEM_NO_INSTALL")
            then
                install ()

            if isInstalled () then
                try
                    start ()
                with _ ->
                    stop ()
                    reraise ()

                None
            else
                Some "Slurm is not installed here: apt-get install slurm-wlm"

    /// What a process needs to speak to it.
    member _.Environment =
        problem |> Option.iter Assert.Skip
        environment

    /// A command of Slurm's, which must succeed.
    member _.Ask (program: string) (arguments: string list) : string =
        let outcome = ask 30.0 program arguments
        Assert.True((outcome.Code = 0), outcome.Err)
        outcome.Out

    /// Waits until no job is left in the queue.
    member this.Drain(limit: TimeSpan) =
        let clock = Stopwatch.StartNew()

        while (this.Ask "squeue" [ "--noheader" ]).Trim() <> "" do
            if clock.Elapsed > limit then
                failwith $"""still in the queue after %g{limit.TotalSeconds} s: %s{this.Ask "squeue" []}"""

            Thread.Sleep 300

    interface IDisposable with
        member _.Dispose() =
            if problem.IsNone then
                ask 30.0 "scancel" [ "--user=root" ] |> ignore

            stop ()
            (folder :> IDisposable).Dispose()
