module Glem.Neural.Tests.SignTests

open Glem
open TorchSharp
open Xunit

[<Fact>]
let ``SIGN is a PReLU on linear layers of x, P x and P^2 x side by side, and a linear classifier`` () =
    use _ = torch.NewDisposeScope()
    let key = Key.ofSeed 4

    let gnn =
        Sign.gnn {
            Inputs = 5
            Hidden = 4
            Classes = 3
            Hops = 2
            Layers = 1
            InputDropout = 0.2
            HiddenDropout = 0.3
        }

    use p = Parameters.Create(Golden.cpu Precision.Float32, Gnn.role gnn, GraphModel.initial key gnn)
    use generator = Generator.ofKey key
    use graph = GraphTensors.ofCsr torch.CPU (Csr.symmetric 6 [ for i in 0..4 -> struct (i, i + 1) ])
    let x = torch.randn ([| 6L; 5L |], generator = generator)
    // D^-1/2 (A + I) D^-1/2 of a path, whose ends have a neighbour less.
    let degree i = if i = 0 || i = 5 then 2.0 else 3.0

    let dense =
        torch.tensor [|
            for i in 0..5 do
                for j in 0..5 do
                    if abs (i - j) <= 1 then float32 (1.0 / sqrt (degree i * degree j)) else 0f
        |]

    let power = dense.reshape [| 6L; 6L |]
    let linear name (x: Tensor) = torch.nn.functional.linear (x, p[$"%s{name}.weight"], p[$"%s{name}.bias"])

    let wide =
        torch.cat (
            [|
                linear "lins.0" x
                linear "lins.1" (power.matmul x)
                linear "lins.2" (power.matmul (power.matmul x))
            |],
            1L
        )

    let expected = torch.nn.functional.leaky_relu (wide, 0.25) |> linear "project.lins.0"

    Gnn.forward gnn p Evaluating graph (Dense x)
    |> Golden.floats
    |> Golden.agree "logits" 1e-5 1e-5 (Golden.floats expected)
