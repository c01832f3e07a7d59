namespace Glem

/// What --precision says.
module ComputeOption =
    /// The machine's own compute, with another number format where one is named. Error: an unknown one.
    let ofPrecision (precision: string option) : Result<Compute, GlemError> =
        let automatic = Compute.automatic ()

        match precision with
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
