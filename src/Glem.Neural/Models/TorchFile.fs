namespace Glem

open System
open System.Collections.Generic
open System.IO
open System.IO.Compression
open Glem.Torch.Extensions

/// pytorch_model.bin: a dictionary of tensors as torch.save writes it, in a zip archive or, before PyTorch 1.6, as a row of
/// pickles. Pickle says what of it is understood.
module TorchFile =
    /// What torch.save's old format begins with, as a number.
    let private magic = bigint.Parse "119547037146038801333356"

    let private refuse file place found expected : 'a = raise (GlemException(InFile(file, place, found, expected)))

    /// The tensors of a pickled dictionary by name.
    let private tensors file (pickled: Pickled) = [
        match pickled with
        | Pickled.Dictionary entries ->
            for struct (key, value) in entries do
                match key, value with
                | Pickled.Text name, Pickled.Tensor tensor -> name, tensor
                | Pickled.Text name, _ -> refuse file $"key '%s{name}'" "something else" "a tensor"
                | _ -> refuse file "" "a key that is no text" "a dictionary of tensors by name"
        | _ -> refuse file "" "a pickle of something else" "a dictionary of tensors by name"
    ]

    let private isRowMajor (tensor: PickledTensor) =
        let mutable expected = 1L
        let mutable fits = true

        for i in tensor.Shape.Length - 1 .. -1 .. 0 do
            fits <- fits && (tensor.Shape[i] = 1L || tensor.Strides[i] = expected)
            expected <- expected * tensor.Shape[i]

        fits

    /// Elements first .. first + count - 1 of a storage whose bytes `from` opens at an element.
    let private readRun file (storage: PickledStorage) (from: int64 -> Stream) (first: int64) (count: int64) =
        if FloatElements.Size storage.Type = 0 then
            raise (
                InvalidDataException
                    $"%s{file}: storage '%s{storage.Key}' has elements of type %A{storage.Type}, expected floats"
            )

        if count > int64 Array.MaxLength then
            raise (InvalidDataException $"%s{file}: storage '%s{storage.Key}' has %d{count} elements, expected fewer")

        use stream = from first
        let values = Array.zeroCreate<float32>(int count)
        let most = int (min count 16384L)
        let buffer = Array.zeroCreate<byte>(most * storage.Size)
        let mutable at = 0

        while at < values.Length do
            let elements = min most (values.Length - at)
            let bytes = buffer.AsSpan(0, elements * storage.Size)
            stream.ReadExactly bytes
            FloatElements.Widen(Span.op_Implicit bytes, storage.Type, values.AsSpan(at, elements))
            at <- at + elements

        values

    /// A view's elements, row-major.
    let private readView file (tensor: PickledTensor) (from: int64 -> Stream) =
        let elements = Array.fold (*) 1L tensor.Shape

        if elements = 0L then
            [||]
        elif isRowMajor tensor then
            readRun file tensor.Storage from tensor.Offset elements
        else
            let reach =
                Array.fold2 (fun at length stride -> at + (length - 1L) * stride) 0L tensor.Shape tensor.Strides

            let run = readRun file tensor.Storage from tensor.Offset (reach + 1L)

            Array.init (int elements) (fun element ->
                let mutable rest, at = int64 element, 0L

                for i in tensor.Shape.Length - 1 .. -1 .. 0 do
                    at <- at + rest % tensor.Shape[i] * tensor.Strides[i]
                    rest <- rest / tensor.Shape[i]

                run[int at])

    let private stored file (from: PickledTensor -> int64 -> Stream) (name, tensor: PickledTensor) : StoredTensor = {
        Name = name
        Shape = tensor.Shape
        Type = tensor.Storage.Type
        Read = fun () -> readView file tensor (from tensor)
    }

    let private zipped (path: string) (archive: ZipArchive) =
        let entries = Dictionary<string, ZipArchiveEntry>()

        for entry in archive.Entries do
            if not (entries.TryAdd(entry.FullName, entry)) then
                refuse path $"entry '%s{entry.FullName}'" "it twice" "it once"

        // torch.save never compresses; what is as long as its bytes in the file cannot swell.
        let find name =
            match entries.TryGetValue name with
            | true, entry when entry.CompressedLength = entry.Length -> entry
            | true, _ -> refuse path $"entry '%s{name}'" "compressed data" "plain data, as torch.save writes it"
            | _ -> refuse path $"entry '%s{name}'" "nothing" "an entry of that name"

        let folder =
            match entries.Keys |> Seq.filter (fun name -> Path.GetFileName name = "data.pkl") |> Seq.toList with
            | [ name ] -> name.Substring(0, name.Length - "data.pkl".Length)
            | found ->
                refuse path "" $"a zip archive with %d{found.Length} entries data.pkl" "one, as torch.save writes it"

        let bytesOf (entry: ZipArchiveEntry) =
            use stream = entry.Open()
            use bytes = new MemoryStream()
            stream.CopyTo bytes
            bytes.ToArray()

        let byteOrder = folder + "byteorder"

        if entries.ContainsKey byteOrder && Text.Encoding.ASCII.GetString(bytesOf (find byteOrder)) <> "little" then
            refuse path $"entry '%s{byteOrder}'" "another byte order" "little"

        let named =
            use input = new BinaryReader(new MemoryStream(bytesOf (find (folder + "data.pkl"))))
            Pickle.read path input |> tensors path

        let all = named |> List.map (fun (_, tensor) -> tensor.Storage) |> List.distinct
        let mutable total = 0L

        for storage in all do
            let entry = find $"%s{folder}data/%s{storage.Key}"
            total <- total + entry.Length

            if bigint storage.Count * bigint storage.Size <> bigint entry.Length then
                refuse
                    path
                    $"entry '%s{entry.FullName}'"
                    $"%d{entry.Length} bytes"
                    $"%d{storage.Count} elements of %d{storage.Size} bytes"

        // Entries that share their bytes.
        if total > FileInfo(path).Length then
            refuse path "" $"storages of %d{total} bytes" "no more than the file has"

        let from (tensor: PickledTensor) first =
            let stream = (find $"%s{folder}data/%s{tensor.Storage.Key}").Open()
            let mutable left = first * int64 tensor.Storage.Size
            let skipped = Array.zeroCreate<byte>(int (min left 65536L))

            while left > 0L do
                let part = int (min left (int64 skipped.Length))
                stream.ReadExactly(skipped, 0, part)
                left <- left - int64 part

            stream

        named |> List.map (stored path from)

    /// The format before PyTorch 1.6: pickles of a magic number, a version, the machine's sizes, the dictionary and the storages'
    /// keys, then each storage's length and bytes.
    let private legacy (path: string) (file: FileStream) =
        use input = new BinaryReader(file, Text.Encoding.UTF8, true)
        let next () = Pickle.read path input

        match next () with
        | Pickled.Number number when number = magic -> ()
        | _ -> refuse path "" "a pickle that torch.save did not write" "pytorch_model.bin, as torch.save writes it"

        match next () with
        | Pickled.Number version when version = bigint 1001 -> ()
        | _ -> refuse path "" "another version of torch.save's format" "version 1001"

        next () |> ignore
        let named = next () |> tensors path
        let storages = Dictionary<string, PickledStorage>()

        for _, tensor in named do
            let storage = tensor.Storage

            if not (storages.TryAdd(storage.Key, storage)) && storages[storage.Key] <> storage then
                refuse path $"storage '%s{storage.Key}'" "it with two sizes" "it with one"

        let places = Dictionary<string, int64>()

        match next () with
        | Pickled.List keys ->
            for key in keys do
                match key with
                | Pickled.Text key when storages.ContainsKey key && not (places.ContainsKey key) ->
                    let storage = storages[key]
                    let count = input.ReadInt64()
                    let size = bigint storage.Count * bigint storage.Size

                    if count <> storage.Count || size > bigint (file.Length - file.Position) then
                        refuse path $"storage '%s{key}'" $"%d{count} elements" $"%d{storage.Count}, within the file"

                    places[key] <- file.Position
                    file.Position <- file.Position + int64 size
                | _ -> refuse path "" "a storage that no tensor is in" "the tensors' storages, once each"
        | _ -> refuse path "" "no list of storages" "pytorch_model.bin, as torch.save writes it"

        let from (tensor: PickledTensor) first : Stream =
            let stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read)
            stream.Position <- places[tensor.Storage.Key] + first * int64 tensor.Storage.Size
            stream

        for _, tensor in named do
            if not (places.ContainsKey tensor.Storage.Key) then
                refuse path $"storage '%s{tensor.Storage.Key}'" "nothing" "its elements"

        named |> List.map (stored path from)

    /// The file's tensors, none of which is read yet, and what keeps the file open. Raises a GlemException that says where the file
    /// is not a dictionary of tensors, and IOException.
    let openFile (path: string) : StoredTensor list * IDisposable =
        let file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read)

        try
            try
                if file.ReadByte() = int 'P' && file.ReadByte() = int 'K' then
                    file.Position <- 0L
                    let archive = new ZipArchive(file, ZipArchiveMode.Read)
                    zipped path archive, archive
                else
                    file.Position <- 0L
                    legacy path file, file
            with
            | :? EndOfStreamException -> refuse path "" "the end of the file" "more of it; is it truncated?"
            | :? InvalidDataException as problem ->
                refuse path "" problem.Message "pytorch_model.bin, as torch.save writes it"
        with _ ->
            file.Dispose()
            reraise ()
