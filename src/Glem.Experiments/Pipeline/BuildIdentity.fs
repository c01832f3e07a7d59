namespace Glem

open System
open System.IO
open System.Security.Cryptography
open System.Text.Json.Nodes
open Glem.Torch.Extensions

/// What decides the bits of an answer beside its configuration and its inputs: the code, and what it computes on.
/// "Same configuration, seed, build and thread count give the same bits" is this much of a promise, so it is this much of a key.
module BuildIdentity =
    let private hash (bytes: byte[]) = Convert.ToHexStringLower(SHA256.HashData bytes)

    // Builds are deterministic: an assembly's module id is a hash of its sources and options.
    let private assemblies =
        lazy
            ([ typeof<Key>; typeof<Engine>; typeof<Weight>; typeof<Recipe> ]
             |> List.map (fun kind -> kind.Assembly.GetName().Name, string kind.Module.ModuleVersionId))

    let private native = lazy (hash (File.ReadAllBytes Engine.NativeLibraryPath))

    /// Of this process, on a device and in a number format.
    let json (compute: Compute) : JsonNode =
        let json = JsonObject()

        for name, version in assemblies.Value do
            json.Add(nonNull name, version)

        json.Add("native", native.Value)
        json.Add("libtorch", Engine.Version)
        json.Add("blas", $"%s{Engine.Blas} %s{Engine.OpenBlasCore}")
        json.Add("threads", Engine.Threads)
        json.Add("compute", Compute.describe compute)
        json
