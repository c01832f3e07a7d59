namespace Glem

open System.IO

/// Reports on any number of run directories.
module Report =
    let private armSections arms = [
        for index, arm in List.indexed arms do
            let anchor = $"arm%d{index + 1}"

            let inside (section: Section) =
                if List.length arms = 1 then
                    section
                else
                    {
                        section with
                            Title = $"%s{section.Title}: %s{arm.Name}"
                    }

            {
                Anchor = anchor
                Title = (if List.length arms = 1 then "Result" else arm.Name)
                Blocks = [ Prose(Headline.sentence arm); Headline.tiles arm ]
            }

            for section in
                LadderSection.create anchor arm :: PairedSection.create anchor arm
                @ CurveSection.create anchor arm
                @ ElboSection.create anchor arm
                @ AuditSection.create anchor arm
                @ ErrorSection.create anchor arm
                @ MapSection.create anchor arm
                @ RunSection.create anchor arm do
                inside section
    ]

    let private question (runs: RunFolder list) =
        let datasets = runs |> List.map _.Info.Dataset.Name |> List.distinct |> String.concat ", "

        {
            Anchor = "question"
            Title = "Question"
            Blocks = [
                Prose
                    $"Do a language model and a graph model that teach each other by EM classify the nodes of %s{datasets} better than each alone, and than the two in a row?"
                Prose
                    "The rule: the rounds, and which student answers, are chosen on validation accuracy; test accuracy is read after. Over several seeds a difference counts where its paired 95 % interval excludes 0; one seed decides nothing."
            ]
        }

    let private title (runs: RunFolder list) =
        let datasets = runs |> List.map _.Info.Dataset.Name |> List.distinct |> String.concat ", "

        match runs with
        | [ run ] -> $"GLEM on %s{datasets}, seed %d{run.Info.Seed}"
        | _ -> $"GLEM on %s{datasets}, %d{runs.Length} runs"

    let private loadAll runDirs =
        List.foldBack
            (fun folder rest ->
                Result.bind (fun runs -> RunFolder.load folder |> Result.map (fun run -> run :: runs)) rest)
            runDirs
            (Ok [])

    let internal writePage (outputDir: string) (title: string) (sections: Section list) : Result<unit, GlemError> =
        RunFile.write (Path.Combine(outputDir, "report.html")) (Html.page title sections)
        |> Result.bind (fun () -> RunFile.write (Path.Combine(outputDir, "report.md")) (Markdown.page title sections))
        |> Result.bind (fun () -> RunFile.write (Path.Combine(outputDir, "report.tex")) (Latex.page title sections))

    /// Writes report.html (one file, opens offline), report.md and report.tex into `outputDir` from one or more run directories.
    /// Runs that differ in their seed only are replicates: the report gives their mean, standard deviation and each
    /// value; others stand under a heading of their own.
    /// Errors: no run directory; a run directory's file that is absent or damaged; an output folder that cannot be written to.
    let write (outputDir: string) (runDirs: string list) : Result<unit, GlemError> =
        if runDirs.IsEmpty then
            Error(InValue("run directories", "none", "at least one"))
        else
            loadAll runDirs
            |> Result.bind (fun runs ->
                question runs :: (runs |> Arm.ofRuns |> armSections) |> writePage outputDir (title runs))
