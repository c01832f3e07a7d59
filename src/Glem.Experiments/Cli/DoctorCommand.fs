namespace Glem

open System
open System.Diagnostics
open Glem.Torch.Extensions
open TorchSharp

/// glem doctor.
module DoctorCommand =
    /// One thing that was looked at: what was found, and what to do where it is bad.
    type private Finding = {
        Name: string
        Found: string
        Advice: string option
    }

    let private fine name found = {
        Name = name
        Found = found
        Advice = None
    }

    let private judged name found isBad advice = {
        Name = name
        Found = found
        Advice = if isBad then Some advice else None
    }

    /// Billions of multiplications and additions a second in a matrix product of a small encoder's size.
    let private gigaflops (dtype: torch.ScalarType) =
        let m, k, n = 4096L, 512L, 512L
        use _ = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let a = torch.ones([| m; k |]).``to`` dtype
        let b = torch.ones([| k; n |]).``to`` dtype
        let product () = (torch.mm (a, b)).Dispose()
        product ()
        let clock = Stopwatch.StartNew()
        let mutable products = 0

        while clock.Elapsed.TotalSeconds < 0.3 do
            product ()
            products <- products + 1

        2.0 * float (m * k * n) * float products / clock.Elapsed.TotalSeconds / 1e9

    let private findings () =
        let single, low = gigaflops torch.ScalarType.Float32, gigaflops torch.ScalarType.BFloat16
        let cores = Environment.ProcessorCount

        let isa =
            [ "avx2"; "avx512f"; "avx512_bf16"; "amx_bf16" ]
            |> List.filter Engine.HasCpuFlag
            |> String.concat " "

        let isReference =
            not (
                Engine.Blas.Contains("openblas", StringComparison.OrdinalIgnoreCase)
                || Engine.Blas.Contains("mkl", StringComparison.OrdinalIgnoreCase)
            )

        [
            fine ".NET" (string Environment.Version)
            fine "libtorch" $"%s{Engine.Version}, %s{Engine.LibraryPath}"
            judged
                "BLAS"
                Engine.Blas
                isReference
                "apt-get install libopenblas0-openmp: the reference BLAS is some 40 times slower"
            judged
                "instruction sets"
                (if isa = "" then "none known" else isa)
                (not (isa.Contains "avx2"))
                "a processor with AVX2 or later; expect a tenth of the speed on this one"
            judged
                "threads"
                $"%d{Engine.Threads} of %d{cores} cores"
                (Engine.Threads < cores)
                "unset OMP_NUM_THREADS, or set it to the cores that this job may use"
            judged
                "float32 products"
                $"%.0f{single} GFLOP/s"
                (single < 20.0 * float cores)
                "check the BLAS above; on AMD with AVX-512 set OPENBLAS_CORETYPE=SKYLAKEX (./glem does)"
            judged
                "bfloat16 products"
                $"""%.0f{low} GFLOP/s, %s{if Engine.HasFastBf16 then "in hardware" else "emulated"}"""
                (Engine.HasFastBf16 && low < single)
                "use --precision float32"
            judged
                "GPU"
                (if torch.cuda.is_available () then
                     $"%d{torch.cuda.device_count ()} CUDA devices"
                 else
                     "none")
                false
                ""
        ]

    let run () : Result<unit, GlemError> =
        Engine.Initialize()
        let findings = findings ()
        let width = findings |> List.map _.Name.Length |> List.max

        for finding in findings do
            let mark = if finding.Advice.IsSome then "!" else " "
            Console.line $"%s{mark} %s{finding.Name.PadRight width}  %s{finding.Found}"

            finding.Advice
            |> Option.iter (fun advice -> Console.line $"""  %s{"".PadRight width}  -> %s{advice}""")

        if findings |> List.forall _.Advice.IsNone then
            Console.line "All is well."

        if not (torch.cuda.is_available ()) then
            Console.line "To use a GPU: GLEM_LIBTORCH=/path/to/a/CUDA/libtorch ./glem doctor (docs/gpu.md)."

        Ok()
