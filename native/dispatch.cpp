// Any operator that libtorch's dispatcher knows, by name: arguments are marshalled by the operator's own schema, so
// that adding an operator needs no C++.
#include "glem.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <cstdlib>
#include <memory>
#include <vector>

namespace
{
/// What the caller hands over or gets back. `count` is the length behind `pointer` for lists and strings.
enum Tag : int32_t
{
    tag_none = 0,
    tag_tensor = 1,
    tag_int = 2,
    tag_double = 3,
    tag_bool = 4,
    tag_ints = 5,
    tag_tensors = 6,
    tag_string = 7,
    tag_device = 8,
    tag_generator = 9,
    tag_doubles = 10,
    tag_default = 11,
};

struct Value
{
    union {
        int64_t integer;
        double real;
        void *pointer;
    };
    int32_t tag;
    int32_t count;
};
static_assert(sizeof(Value) == 16, "the C# side mirrors this layout");

struct Operator
{
    c10::OperatorHandle handle;
    std::vector<c10::TypePtr> types; // of the arguments, Optional unwrapped
    size_t returns;
};

c10::TypePtr without_optional(const c10::TypePtr &type)
{
    const auto optional = type->cast<c10::OptionalType>();
    return optional ? optional->getElementType() : type;
}

[[noreturn]] void refuse(const Operator &op, size_t index, const Value &value)
{
    const auto &argument = op.handle.schema().arguments()[index];
    TORCH_CHECK(false, op.handle.operator_name(), ": argument '", argument.name(), "' is ", argument.type()->str(),
                ", but the call passed a value of kind ", value.tag);
}

void push_list(std::vector<c10::IValue> &stack, const Operator &op, size_t index, const Value &value)
{
    const auto element = op.types[index]->castRaw<c10::ListType>()->getElementType();
    const auto kind = element->kind();
    if (kind == c10::TypeKind::IntType || kind == c10::TypeKind::SymIntType)
    {
        c10::List<int64_t> list;
        if (value.tag == tag_int) // the schema's int[1] takes one number
            list.push_back(value.integer);
        else if (value.tag == tag_ints)
        {
            list.reserve(value.count);
            for (int32_t i = 0; i < value.count; ++i)
                list.push_back(static_cast<const int64_t *>(value.pointer)[i]);
        }
        else
            refuse(op, index, value);
        stack.emplace_back(std::move(list));
    }
    else if (kind == c10::TypeKind::FloatType && value.tag == tag_doubles)
    {
        c10::List<double> list;
        list.reserve(value.count);
        for (int32_t i = 0; i < value.count; ++i)
            list.push_back(static_cast<const double *>(value.pointer)[i]);
        stack.emplace_back(std::move(list));
    }
    else if (value.tag == tag_tensors && (kind == c10::TypeKind::TensorType || kind == c10::TypeKind::OptionalType))
    {
        c10::impl::GenericList list(element);
        list.reserve(value.count);
        for (int32_t i = 0; i < value.count; ++i)
        {
            const auto tensor = static_cast<const TensorHandle *>(value.pointer)[i];
            if (tensor == nullptr && kind == c10::TypeKind::OptionalType)
                list.push_back(c10::IValue());
            else
                list.push_back(c10::IValue(glem::borrow(tensor)));
        }
        stack.emplace_back(std::move(list));
    }
    else
        refuse(op, index, value);
}

void push(std::vector<c10::IValue> &stack, const Operator &op, size_t index, const Value &value)
{
    if (value.tag == tag_default)
    {
        const auto &argument = op.handle.schema().arguments()[index];
        TORCH_CHECK(argument.default_value().has_value(), op.handle.operator_name(), ": argument '", argument.name(),
                    "' has no default");
        stack.push_back(*argument.default_value());
        return;
    }
    if (value.tag == tag_none)
    {
        stack.emplace_back();
        return;
    }
    switch (op.types[index]->kind())
    {
    case c10::TypeKind::TensorType:
        if (value.tag != tag_tensor)
            refuse(op, index, value);
        stack.emplace_back(glem::borrow(static_cast<TensorHandle>(value.pointer)));
        return;
    case c10::TypeKind::NumberType:
        if (value.tag == tag_int)
            stack.emplace_back(value.integer);
        else if (value.tag == tag_double)
            stack.emplace_back(value.real);
        else if (value.tag == tag_bool)
            stack.emplace_back(value.integer != 0);
        else
            refuse(op, index, value);
        return;
    case c10::TypeKind::FloatType:
        if (value.tag == tag_double)
            stack.emplace_back(value.real);
        else if (value.tag == tag_int)
            stack.emplace_back(static_cast<double>(value.integer));
        else
            refuse(op, index, value);
        return;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
    case c10::TypeKind::ScalarTypeType:
    case c10::TypeKind::LayoutType:
    case c10::TypeKind::MemoryFormatType:
        if (value.tag != tag_int)
            refuse(op, index, value);
        stack.emplace_back(value.integer);
        return;
    case c10::TypeKind::BoolType:
        if (value.tag != tag_bool)
            refuse(op, index, value);
        stack.emplace_back(value.integer != 0);
        return;
    case c10::TypeKind::StringType:
        if (value.tag != tag_string)
            refuse(op, index, value);
        stack.emplace_back(std::string(static_cast<const char *>(value.pointer), value.count));
        return;
    case c10::TypeKind::DeviceObjType:
        if (value.tag != tag_device)
            refuse(op, index, value);
        stack.emplace_back(c10::Device(static_cast<c10::DeviceType>(value.integer),
                                       static_cast<c10::DeviceIndex>(value.count)));
        return;
    case c10::TypeKind::GeneratorType:
        if (value.tag != tag_generator)
            refuse(op, index, value);
        stack.emplace_back(*static_cast<const at::Generator *>(value.pointer));
        return;
    case c10::TypeKind::ListType:
        push_list(stack, op, index, value);
        return;
    default:
        refuse(op, index, value);
    }
}

Value pull(c10::IValue &&value)
{
    Value out;
    out.integer = 0;
    out.tag = tag_none;
    out.count = 0;
    if (value.isTensor())
    {
        out.tag = tag_tensor;
        out.pointer = glem::hand_over(std::move(value).toTensor());
    }
    else if (value.isInt())
    {
        out.tag = tag_int;
        out.integer = value.toInt();
    }
    else if (value.isDouble())
    {
        out.tag = tag_double;
        out.real = value.toDouble();
    }
    else if (value.isBool())
    {
        out.tag = tag_bool;
        out.integer = value.toBool();
    }
    else if (value.isTensorList())
    {
        const auto list = std::move(value).toTensorVector();
        const auto handles = static_cast<TensorHandle *>(std::malloc(sizeof(TensorHandle) * (list.size() + 1)));
        TORCH_CHECK(handles != nullptr, "out of memory");
        for (size_t i = 0; i < list.size(); ++i)
            handles[i] = glem::hand_over(list[i]);
        out.tag = tag_tensors;
        out.pointer = handles;
        out.count = static_cast<int32_t>(list.size());
    }
    else
        TORCH_CHECK(value.isNone(), "a result of type ", value.tagKind(), " cannot be handed over");
    return out;
}

/// One per thread and emptied after each call, so that a call allocates nothing of its own.
thread_local std::vector<c10::IValue> reusable_stack;

struct EmptyAtEnd
{
    std::vector<c10::IValue> &stack;
    ~EmptyAtEnd()
    {
        stack.clear();
    }
};
} // namespace

/// The operator `name` ("aten::add") with `overload` ("Tensor" or ""); null where this libtorch has none. Kept forever.
GLEM_EXPORT Operator *glem_op_find(const char *name, const char *overload)
{
    return glem::guarded<Operator *>(nullptr, [&]() -> Operator * {
        const auto found = c10::Dispatcher::singleton().findSchema({name, overload});
        TORCH_CHECK(found.has_value(), "this libtorch has no operator ", name, *overload ? "." : "", overload);
        auto op = std::make_unique<Operator>(Operator{*found, {}, found->schema().returns().size()});
        for (const auto &argument : found->schema().arguments())
            op->types.push_back(without_optional(argument.type()));
        return op.release();
    });
}

/// Calls `op`; arguments left out at the end take the schema's defaults. Answers the number of results, -1 on failure.
/// A result list of tensors is an array to be freed with glem_free.
GLEM_EXPORT int32_t glem_op_call(const Operator *op, const Value *arguments, int32_t count, Value *results,
                                 int32_t capacity)
{
    return glem::guarded<int32_t>(-1, [&]() -> int32_t {
        TORCH_CHECK(static_cast<size_t>(count) <= op->types.size(), op->handle.operator_name(), " takes ",
                    op->types.size(), " arguments, not ", count);
        TORCH_CHECK(op->returns <= static_cast<size_t>(capacity), op->handle.operator_name(), " has ", op->returns,
                    " results");
        auto &stack = reusable_stack;
        const EmptyAtEnd emptied{stack};
        for (int32_t i = 0; i < count; ++i)
            push(stack, *op, i, arguments[i]);
        constexpr Value use_default{{0}, tag_default, 0};
        for (size_t i = count; i < op->types.size(); ++i)
            push(stack, *op, i, use_default);
        op->handle.callBoxed(&stack);
        for (size_t i = 0; i < stack.size(); ++i)
            results[i] = pull(std::move(stack[i]));
        return static_cast<int32_t>(stack.size());
    });
}

GLEM_EXPORT void glem_free(void *memory)
{
    std::free(memory);
}
