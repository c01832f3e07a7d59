namespace Glem

/// A splittable source of randomness: a key is a value, its children are named, nothing is consumed. The same
/// seed and path of names give the same numbers on every machine; different paths give unrelated ones
/// (SplitMix64's finaliser as the mixing function: Steele, Lea & Flood, OOPSLA 2014).
type Key = private { high: uint64; low: uint64 }

module Key =
    let private golden = 0x9E3779B97F4A7C15UL

    let private mix (z: uint64) =
        let z = (z ^^^ (z >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        z ^^^ (z >>> 31)

    // Two lanes of 64 bits with different constants: paths collide with probability near 2^-128, not 2^-64.
    let private absorb (word: uint64) key =
        let low = mix (key.low + golden + mix word)

        {
            low = low
            high = mix (key.high + 0xD1342543DE82EF95UL + mix (word ^^^ golden) + (low <<< 1))
        }

    /// The root key of a run.
    let ofSeed (seed: int) = { high = 0UL; low = 0UL } |> absorb (uint64 (uint32 seed))

    /// The child for a numbered purpose: a round, an epoch, a batch.
    let at (index: int) key = key |> absorb 1UL |> absorb (uint64 (uint32 index))

    /// The child for a named purpose: "e-step", "dropout".
    let named (purpose: string) key =
        let units = key |> absorb 2UL |> absorb (uint64 purpose.Length)
        (units, purpose) ||> Seq.fold (fun key unit -> absorb (uint64 unit) key)

    /// Seed of a generator outside the core. Asking twice gives the same seed.
    let seed key = mix (key.high ^^^ mix (key.low + golden))

    /// The key as 32 hexadecimal digits, for files.
    let toText key = $"%016x{key.high}%016x{key.low}"

    /// What toText wrote; nothing for any other text.
    let ofText (text: string) =
        let half (start: int) =
            System.UInt64.TryParse(
                text.Substring(start, 16),
                System.Globalization.NumberStyles.AllowHexSpecifier,
                System.Globalization.CultureInfo.InvariantCulture
            )

        if text.Length <> 32 then
            None
        else
            match half 0, half 16 with
            | (true, high), (true, low) -> Some { high = high; low = low }
            | _ -> None

    /// The items in an order that depends on the key alone (each order equally likely, up to 2^-64).
    let shuffle key (items: 'a[]) =
        let shuffled = Array.copy items
        System.Array.Sort(Array.init items.Length (fun i -> seed (at i key)), shuffled)
        shuffled
