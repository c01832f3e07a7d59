namespace Glem

open System
open System.Globalization

/// What the commands' options say of how to compute.
module ComputeOptions =
    /// What the machine is best at, in the number format asked for. Error: another one.
    let precision (name: string option) : Result<Compute, GlemError> =
        let automatic = Compute.automatic ()

        match name with
        | None -> Ok automatic
        | Some "float32" ->
            Ok {
                automatic with
                    Precision = Precision.Float32
            }
        | Some "bfloat16" ->
            Ok {
                automatic with
                    Precision = Precision.BFloat16
            }
        | Some other -> Error(InSetting("--precision", other, "float32 or bfloat16"))

    let private units = [ "TB", 1e12; "GB", 1e9; "MB", 1e6; "KB", 1e3 ]

    /// With embeddings in this much memory. Error: what is no size.
    let memory (size: string option) (compute: Compute) : Result<Compute, GlemError> =
        let bytes (size: string) =
            units
            |> List.tryPick (fun (name, bytes) ->
                if size.EndsWith(name, StringComparison.OrdinalIgnoreCase) then
                    match
                        Double.TryParse(size[.. size.Length - 3], NumberStyles.Float, CultureInfo.InvariantCulture)
                    with
                    | true, number when number >= 0.0 && number * bytes < 9e18 -> Some(int64 (number * bytes))
                    | _ -> None
                else
                    None)

        match size |> Option.map (fun size -> size, bytes size) with
        | None -> Ok compute
        | Some(_, Some bytes) ->
            Ok {
                compute with
                    Memory = { compute.Memory with Vectors = bytes }
            }
        | Some(size, None) -> Error(InSetting("--memory-budget", size, "a number of TB, GB, MB or KB, such as 8GB"))
