namespace Glem

/// Where the students see test nodes: do the classes lie apart, and which of them meet?
module internal MapSection =
    let private students = [ Student.Lm, "LM", "embeddings"; Student.Gnn, "GNN", "logits" ]

    let private percent share = Spread.percent { Mean = share; Deviation = None }

    let private shares student points =
        points |> List.map (MapPoint.place student) |> Array.ofList |> PrincipalPlane.shares

    let private guesses (run: RunFolder) = run.Predictions |> List.map (fun answer -> answer.Id, answer) |> dict

    let private figure anchor (run: RunFolder) classes =
        let answers = guesses run

        let point (at: MapPoint) =
            let guess student =
                match answers.TryGetValue at.Id with
                | true, answer -> Prediction.guess student answer |> Option.bind (fun guess -> Json.text guess.Class)
                | false, _ -> None

            let struct (lmX, lmY), struct (gnnX, gnnY) = at.Lm, at.Gnn

            Json.object [
                "id", Json.text at.Id
                "class", Json.text at.Class
                "lmX", Json.float lmX
                "lmY", Json.float lmY
                "lmGuess", guess Student.Lm
                "gnnX", Json.float gnnX
                "gnnY", Json.float gnnY
                "gnnGuess", guess Student.Gnn
            ]

        let title (student, name, what) =
            let struct (first, second) = shares student run.Map
            Student.key student, Json.text $"%s{name}: %s{what}, %s{percent (first + second)} %% of the variance"

        Figure {
            Id = $"%s{anchor}-map-chart"
            Kind = "map"
            Description =
                $"%d{run.Map.Length} test nodes by gold class, each class with a mark and a colour of its own and its name at its median. Hollow marks are nodes whose class that student gets wrong."
            Data =
                Json.object [
                    "points", run.Map |> Seq.map point |> Json.array
                    "classes", classes |> Seq.choose Json.text |> Json.array
                    "titles", students |> List.map title |> Json.object |> Some
                ]
        }

    let private median (values: float list) =
        let sorted = List.sort values
        let at = sorted.Length / 2

        if sorted.Length % 2 = 1 then
            sorted[at]
        else
            (sorted[at - 1] + sorted[at]) / 2.0

    let private table (points: MapPoint list) classes =
        let number (x: float) = Spread.format 1.0 2 { Mean = x; Deviation = None }

        Table.create "Medians of the classes on the two planes, in standard deviations of the whole cloud" [
            "Class"
            "#Nodes"
            "#LM, first"
            "#LM, second"
            "#GNN, first"
            "#GNN, second"
        ] [
            for name in classes do
                let own = points |> List.filter (fun point -> point.Class = name)

                let middle student = [
                    let places = own |> List.map (MapPoint.place student)
                    number (places |> List.map (fun struct (x, _) -> x) |> median)
                    number (places |> List.map (fun struct (_, y) -> y) |> median)
                ]

                [ name; string own.Length ] @ middle Student.Lm @ middle Student.Gnn
        ]

    let private variance points (student, name, what) =
        let struct (first, second) = shares student points
        $"the %s{name}'s %s{what} %s{percent first} and %s{percent second} %%"

    let create anchor arm =
        match arm.Runs |> List.tryFind (fun run -> not run.Map.IsEmpty) with
        | None -> []
        | Some run ->
            let met = run.Map |> List.map _.Class |> List.distinct
            let known = run.Info.Dataset.Classes |> List.filter (fun name -> List.contains name met)
            let classes = known @ List.except known met
            let kept = students |> List.map (variance run.Map) |> String.concat ", "

            let ofSeed = if arm.Runs.Length > 1 then $" This is seed %d{run.Info.Seed}." else ""

            [
                {
                    Anchor = $"%s{anchor}-map"
                    Title = "Embedding map"
                    Blocks = [
                        Prose
                            $"What each student makes of test nodes, on the plane that keeps most of the variance (principal components). Of %s{kept} lie along the first and the second component; the rest is not shown, so classes that meet here may still be apart. The students' planes cannot be laid on each other, nor can those of two seeds.%s{ofSeed}"
                        figure anchor run classes
                        Folded("The classes' places as a table", [ Table(table run.Map classes) ])
                    ]
                }
            ]
