namespace Glem

open System
open System.Collections.Generic
open System.Collections.Immutable
open System.IO
open System.Reflection
open System.Reflection.Metadata
open System.Reflection.PortableExecutable

/// A type that users of a reference assembly can see. Names are those of XML documentation identifiers without
/// their "T:": namespaces, enclosing types and the name joined by dots, generic arity after a backtick.
type ApiType = {
    Id: string
    Namespace: string
    /// Its own name, without enclosing types and arity: "KeyCollection".
    Name: string
    /// The names of its visible members, as documentation identifiers spell them ("#ctor").
    Members: Set<string>
    /// The types that its base type, interfaces, constraints and visible members' signatures name, in documentation
    /// spelling. Keywords of the language (string, int, object, ...) are not listed: a type that uses an int says nothing.
    References: Set<string>
}

/// Reads visible types from assemblies' metadata (ECMA-335), without loading any code.
module ApiMetadata =
    let private documentationName (name: string) = name.Replace('.', '#')

    let rec private idOfDefinition (reader: MetadataReader) (handle: TypeDefinitionHandle) =
        let definition = reader.GetTypeDefinition handle
        let name = reader.GetString definition.Name
        let outer = definition.GetDeclaringType()

        if not outer.IsNil then
            $"%s{idOfDefinition reader outer}.%s{name}"
        else
            match reader.GetString definition.Namespace with
            | "" -> name
            | space -> $"%s{space}.%s{name}"

    let rec private idOfReference (reader: MetadataReader) (handle: TypeReferenceHandle) =
        let reference = reader.GetTypeReference handle
        let name = reader.GetString reference.Name

        if reference.ResolutionScope.Kind = HandleKind.TypeReference then
            let outer = TypeReferenceHandle.op_Explicit reference.ResolutionScope
            $"%s{idOfReference reader outer}.%s{name}"
        else
            match reader.GetString reference.Namespace with
            | "" -> name
            | space -> $"%s{space}.%s{name}"

    /// Decodes a signature to the named types in it.
    let private namedTypes =
        let all (types: ImmutableArray<string list>) = List.concat types

        {
            new ISignatureTypeProvider<string list, unit> with
                member _.GetPrimitiveType _ = []
                member _.GetTypeFromDefinition(reader, handle, _) = [ idOfDefinition reader handle ]
                member _.GetTypeFromReference(reader, handle, _) = [ idOfReference reader handle ]

                member this.GetTypeFromSpecification(reader, context, handle, _) =
                    reader.GetTypeSpecification(handle).DecodeSignature(this, context)

                member _.GetSZArrayType element = element
                member _.GetArrayType(element, _) = element
                member _.GetByReferenceType element = element
                member _.GetPointerType element = element
                member _.GetPinnedType element = element
                member _.GetGenericInstantiation(generic, arguments) = generic @ all arguments
                member _.GetGenericMethodParameter(_, _) = []
                member _.GetGenericTypeParameter(_, _) = []
                member _.GetModifiedType(_, unmodified, _) = unmodified

                member _.GetFunctionPointerType signature = signature.ReturnType @ all signature.ParameterTypes
        }

    let private ofEntity (reader: MetadataReader) (handle: EntityHandle) =
        match handle.Kind with
        | _ when handle.IsNil -> []
        | HandleKind.TypeDefinition -> [ idOfDefinition reader (TypeDefinitionHandle.op_Explicit handle) ]
        | HandleKind.TypeReference -> [ idOfReference reader (TypeReferenceHandle.op_Explicit handle) ]
        | HandleKind.TypeSpecification ->
            (reader.GetTypeSpecification(TypeSpecificationHandle.op_Explicit handle)).DecodeSignature(namedTypes, ())
        | _ -> []

    let rec private isVisible (reader: MetadataReader) (definition: TypeDefinition) =
        match definition.Attributes &&& TypeAttributes.VisibilityMask with
        | TypeAttributes.Public -> true
        | TypeAttributes.NestedPublic
        | TypeAttributes.NestedFamily
        | TypeAttributes.NestedFamORAssem -> isVisible reader (reader.GetTypeDefinition(definition.GetDeclaringType()))
        | _ -> false

    let private isVisibleMethod (attributes: MethodAttributes) =
        match attributes &&& MethodAttributes.MemberAccessMask with
        | MethodAttributes.Public
        | MethodAttributes.Family
        | MethodAttributes.FamORAssem -> true
        | _ -> false

    let private isVisibleField (attributes: FieldAttributes) =
        match attributes &&& FieldAttributes.FieldAccessMask with
        | FieldAttributes.Public
        | FieldAttributes.Family
        | FieldAttributes.FamORAssem -> true
        | _ -> false

    let private constraintsOf (reader: MetadataReader) (parameters: GenericParameterHandleCollection) = [
        for parameter in parameters do
            for handle in reader.GetGenericParameter(parameter).GetConstraints() do
                yield! ofEntity reader (reader.GetGenericParameterConstraint handle).Type
    ]

    /// The visible methods, accessors among them, and fields; accessors' signatures are those of their properties and events.
    let private membersOf (reader: MetadataReader) (definition: TypeDefinition) =
        let methods = [
            for handle in definition.GetMethods() do
                let method = reader.GetMethodDefinition handle

                if isVisibleMethod method.Attributes then
                    handle, method
        ]

        let isVisibleHandle =
            let visible = methods |> List.map fst |> HashSet
            fun (handle: MethodDefinitionHandle) -> not handle.IsNil && visible.Contains handle

        let fields = [
            for handle in definition.GetFields() do
                let field = reader.GetFieldDefinition handle

                if isVisibleField field.Attributes then
                    field
        ]

        let names = [
            for _, method in methods do
                reader.GetString method.Name
            for field in fields do
                reader.GetString field.Name
            for handle in definition.GetProperties() do
                let property = reader.GetPropertyDefinition handle
                let accessors = property.GetAccessors()

                if isVisibleHandle accessors.Getter || isVisibleHandle accessors.Setter then
                    reader.GetString property.Name
            for handle in definition.GetEvents() do
                let event = reader.GetEventDefinition handle

                if isVisibleHandle (event.GetAccessors()).Adder then
                    reader.GetString event.Name
        ]

        let references = [
            for _, method in methods do
                let signature = method.DecodeSignature(namedTypes, ())
                yield! signature.ReturnType
                yield! List.concat signature.ParameterTypes
                yield! constraintsOf reader (method.GetGenericParameters())
            for field in fields do
                yield! field.DecodeSignature(namedTypes, ())
        ]

        names |> List.map documentationName |> set, references

    let private ofDefinition (reader: MetadataReader) handle =
        let definition = reader.GetTypeDefinition handle

        let rec spaceOf (definition: TypeDefinition) =
            let outer = definition.GetDeclaringType()

            if outer.IsNil then
                reader.GetString definition.Namespace
            else
                spaceOf (reader.GetTypeDefinition outer)

        let members, memberReferences = membersOf reader definition
        let id = idOfDefinition reader handle

        let references = [
            yield! ofEntity reader definition.BaseType
            for handle in definition.GetInterfaceImplementations() do
                yield! ofEntity reader (reader.GetInterfaceImplementation handle).Interface
            yield! constraintsOf reader (definition.GetGenericParameters())
            yield! memberReferences
            if not (definition.GetDeclaringType().IsNil) then
                idOfDefinition reader (definition.GetDeclaringType())
        ]

        {
            Id = id
            Namespace = spaceOf definition
            Name = (reader.GetString definition.Name).Split('`')[0]
            Members = members
            References = set references |> Set.remove id
        }

    /// The visible types of one assembly, in its metadata's order. Error for a file that is not a managed assembly.
    let read (path: string) =
        try
            use stream = File.OpenRead path
            use image = new PEReader(stream)
            let reader = image.GetMetadataReader()

            [
                for handle in reader.TypeDefinitions do
                    if isVisible reader (reader.GetTypeDefinition handle) then
                        ofDefinition reader handle
            ]
            |> Ok
        with
        | :? BadImageFormatException
        | :? InvalidOperationException ->
            Error(InFile(path, "", "something without .NET metadata", "a reference assembly of the pinned pack"))
