namespace Glem.Experiments.Tests

open System
open System.Diagnostics
open System.IO
open Glem
open Xunit

/// How a process ended, and what it said.
type Outcome = {
    Code: int
    Out: string
    Err: string
} with

    member this.ErrorLines = this.Err.Split('\n', StringSplitOptions.RemoveEmptyEntries)

/// The program as its users meet it: a process of its own.
module GlemProcess =
    /// The checkout that these tests were built in.
    let root =
        let rec search (folder: DirectoryInfo | null) =
            match folder with
            | null -> failwith "the tests are not inside a checkout"
            | folder when File.Exists(Path.Combine(folder.FullName, "Glem.Fs.sln")) -> folder.FullName
            | folder -> search folder.Parent

        search (DirectoryInfo AppContext.BaseDirectory)

    /// Runs a program in a folder to its end; a process that takes longer than `limit` is ended and fails the test.
    let start
        (program: string)
        (folder: string)
        (limit: TimeSpan)
        (environment: (string * string) list)
        (arguments: string list)
        =
        let info =
            ProcessStartInfo(
                program,
                arguments,
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        environment |> List.iter (fun (key, value) -> info.Environment[key] <- value)
        use started = Process.Start info |> nonNull
        let out, err = started.StandardOutput.ReadToEndAsync(), started.StandardError.ReadToEndAsync()

        if not (started.WaitForExit limit) then
            started.Kill true
            failwith $"%s{program} %A{arguments} ran for more than %g{limit.TotalSeconds} s"

        {
            Code = started.ExitCode
            Out = out.Result
            Err = err.Result
        }

    // The project reference builds the program beside its sources, in the tests' own configuration.
    let internal program =
        let framework = DirectoryInfo AppContext.BaseDirectory
        let configuration = framework.Parent |> nonNull
        Path.Combine(root, "src/Glem.Experiments/bin", configuration.Name, framework.Name, "glem.dll")

    let runWith environment folder arguments =
        start "dotnet" folder (TimeSpan.FromSeconds 90.0) environment (program :: arguments)

    /// `glem arguments` in a folder.
    let run folder arguments = runWith [] folder arguments

    /// The command did its work.
    let succeeds folder arguments =
        let outcome = run folder arguments
        Assert.True((outcome.Code = 0), $"%A{arguments} ended with %d{outcome.Code}: %s{outcome.Err}")
        Assert.Equal("", outcome.Err)
        outcome.Out

    let private names folder = Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories) |> Array.sort

    /// Wrong input ends with code 2 and one error line that holds every part, and writes nothing.
    let refusesWith environment folder arguments (parts: string list) =
        let before = names folder
        let outcome = runWith environment folder arguments
        Assert.True((outcome.Code = 2), $"%A{arguments} ended with %d{outcome.Code}: %s{outcome.Err}")
        let line = Assert.Single outcome.ErrorLines
        Assert.StartsWith("error: ", line)

        for part in parts do
            Assert.Contains(part, line)

        Assert.Equal<string>(before, names folder)

    let refuses folder arguments parts = refusesWith [] folder arguments parts

/// A folder of a test's own, gone when the test is.
[<Sealed>]
type TestFolder() =
    let folder = Directory.CreateTempSubdirectory "glem-test-"
    member _.Path = folder.FullName
    member _.File(name: string) = Path.Combine(folder.FullName, name)

    /// Writes a text file into the folder.
    member this.Write(name: string, text: string) = File.WriteAllText(this.File name, text)

    interface IDisposable with
        member _.Dispose() = folder.Delete true

/// File systems of a test's own.
module Disk =
    /// Runs a system's command; its error, where it failed.
    let private system (program: string) (arguments: string list) =
        try
            let outcome = GlemProcess.start program "/" (TimeSpan.FromSeconds 20.0) [] arguments
            if outcome.Code = 0 then None else Some outcome.Err
        with :? ComponentModel.Win32Exception as problem ->
            Some problem.Message

    /// Runs a test on a file system of so many kB, or skips it where none can be made.
    let small (folder: TestFolder) (kilobytes: int) (test: string -> unit) =
        let disk = (Directory.CreateDirectory(folder.File "disk")).FullName

        match system "mount" [ "-t"; "tmpfs"; "-o"; $"size=%d{kilobytes}k"; "tmpfs"; disk ] with
        | Some problem -> Assert.Skip $"no file system can be mounted here: %s{problem}"
        | None ->
            try
                test disk
            finally
                Assert.Equal(None, system "umount" [ disk ])

    /// Mounts it anew: "ro", "size=4m".
    let remount (disk: string) (how: string) = Assert.Equal(None, system "mount" [ "-o"; $"remount,%s{how}"; disk ])
