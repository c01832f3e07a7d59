namespace Glem

open System

/// One file of a published data set.
type PublicFile = {
    Address: Uri
    /// Its name in the folder; an archive's contents come into a folder named like it.
    Name: string
    /// What the publisher says, or what copies at hand have; none: nothing says what it should be.
    Hash: PublishedHash option
    /// Bytes, about.
    Size: int64
}

/// A published data set: where it lies, and on what terms.
type PublicDataset = {
    Name: string
    Licence: string
    Source: string
    Files: PublicFile list
    /// What a person has to do by hand, and the import that follows.
    Next: string
}

/// Published data sets that `glem data fetch` knows.
module PublicData =
    let private megabytes (count: float) = int64 (count * 1e6)

    let private file (address: string) hash size =
        let address = Uri address

        {
            Address = address
            Name = Uri.UnescapeDataString(Array.last address.Segments)
            Hash = hash
            Size = size
        }

    let private planetoid name sizes =
        let at =
            $"https://raw.githubusercontent.com/DeepGraphLearning/GMNN/master/semisupervised/data/%s{name}/"

        {
            Name = $"%s{name}-planetoid"
            Licence = "not stated"
            Source = "github.com/DeepGraphLearning/GMNN: Planetoid's graph, bags of words and public split"
            Files = [
                for file', hash in sizes -> file (at + file') (Some(Sha256 hash)) (megabytes 1.0)
            ]
            Next = $"glem data import --from FOLDER --rule missing-texts=fill --out %s{name}"
        }

    let private ogb = "https://snap.stanford.edu/ogb/data"

    let all = [
        {
            Name = "ogbn-arxiv"
            Licence = "ODC-BY"
            Source = "Open Graph Benchmark; titles and abstracts: Microsoft Academic Graph"
            Files = [
                file $"%s{ogb}/nodeproppred/arxiv.zip" None (megabytes 81.0)
                file $"%s{ogb}/misc/ogbn_arxiv/titleabs.tsv.gz" None (megabytes 70.0)
            ]
            Next = "glem data import --from FOLDER/arxiv --out ogbn-arxiv-text"
        }
        {
            Name = "ogbn-products"
            Licence = "Amazon license"
            Source = "Open Graph Benchmark; texts: Amazon-3M of the Extreme Classification Repository"
            Files = [ file $"%s{ogb}/nodeproppred/products.zip" None (megabytes 1380.0) ]
            Next =
                "the texts have no direct address: get Amazon-3M.raw.zip (trn.json.gz, tst.json.gz) from manikvarma.org/downloads/XC/XMLRepository.html, unpack it in FOLDER, then glem data import --from FOLDER/products --rule missing-texts=fill --out ogbn-products-text"
        }
        {
            Name = "ogbn-papers100M"
            Licence = "ODC-BY"
            Source = "Open Graph Benchmark; titles and abstracts: Microsoft Academic Graph"
            Files = [
                file $"%s{ogb}/nodeproppred/papers100M-bin.zip" None (megabytes 57000.0)
                file $"%s{ogb}/misc/ogbn_papers100M/paperinfo.zip" None (megabytes 34000.0)
            ]
            Next = "glem data import --from FOLDER/papers100M-bin --rule missing-texts=fill --out papers100M-text"
        }
        planetoid "cora" [
            "net.txt", "7e9867feffd1ad0229ca7df73418e291d49f2af0b7584d1f6e614a8f53f99ffd"
            "feature.txt", "edfda2b8e8105bfe89bb5585baaa8f7d11f2d373221b3db547b20fb412f43dd1"
            "label.txt", "7084092927f1a2831ebb03285de660c07364ce0ea49bc13ffe18fc580cc6cfda"
            "train.txt", "c0de86e68a97de4dfd324bb56ad0be175cd772c0d1e2d23d51dca66762abe524"
            "dev.txt", "a3ce6ed911f90d6d6424f5776bb20d7f1f9b24732e4b2d99d6cd4163308b66c7"
            "test.txt", "fa3a51f3bf640543e579d2536ef3eaec80178f157ad0d6bf5b8ed61716144416"
        ]
        planetoid "citeseer" [
            "net.txt", "6baefd9b5c449f52ca5efb818b86f0b99b4c0c30fe0b5b9a4a6be44c929c45d6"
            "feature.txt", "3f7ce8e7ac7ecf3b40b2ce09276e167d3c802ec7589502ad37023654fc569347"
            "label.txt", "d1ad14c6a472cfc2f3b941bf0d5f070477846de96020012f89bdb3aad31fa9fe"
            "train.txt", "85945239109e8988d5c04f5d1ef2869f0fa132892e0bbf7ad906cc45f88291a6"
            "dev.txt", "94d059cf0300b4e29ee640e8b6db82501d24a36f629bd31b7d46a9dce023d996"
            "test.txt", "4b2435499ea8b309d043e8b29cef7f8a38075e692fdd3e1c64ecaa185ab213f1"
        ]
        {
            Name = "citeseer-text"
            Licence = "MIT (the repository's; for the titles and abstracts no licence is stated)"
            Source = "github.com/XiaoxinHe/TAPE, commit 1938a25c, dataset/CiteSeer-Orig"
            Files =
                let at =
                    "https://raw.githubusercontent.com/XiaoxinHe/TAPE/1938a25cd339fdee0fea384408a12a56b0b0a059/dataset/CiteSeer-Orig/"

                [
                    file
                        (at + "citeseer_texts.txt")
                        (Some(Sha256 "9070723640766aaa09875ce72397a4325feecac968ed9fb44152820b651f1f17"))
                        (megabytes 3.4)
                    file
                        (at + "citeseer.cites")
                        (Some(Sha256 "cd9730630eaaa745058c2cd2cce6b9afb79ca71278a479aebec55f4cf5eb7f30"))
                        (megabytes 0.2)
                ]
            Next = "glem data import --from FOLDER --rule unknown-ends=drop --out citeseer-text-data"
        }
    ]

    let find (name: string) : Result<PublicDataset, GlemError> =
        match all |> List.tryFind (fun known -> known.Name = name) with
        | Some known -> Ok known
        | None ->
            let names = all |> List.map _.Name |> String.concat ", "
            Error(InSetting("fetch", name, $"one of %s{names}"))
