// The functions that expressions may call, but for those with a predicate (evaluation). Pure, any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/expression/budget.h"
#include "core/expression/environment.h"
#include "core/expression/value.h"
#include "core/runtime/result.h"

namespace slicemill::expression {

// A call, while it is made.
struct Call {
  std::string_view name;
  std::vector<Value> arguments;
  Budget& budget;
  const Environment& environment;

  const Value& operator[](std::size_t index) const { return arguments[index]; }
  std::size_t size() const { return arguments.size(); }

  // invalid: the argument is of another kind. Messages count from 1.
  Result<void> require(std::size_t index, Kind kind) const;
  Result<std::int64_t> integer(std::size_t index) const;  // a whole real too
  Result<std::string_view> text(std::size_t index) const;

  // A new value that is charged.
  Result<Value> made(std::string text) const;
  Result<Value> made(List items) const;  // the items themselves were charged when they were made
};

inline constexpr std::size_t kAnyCount = 1000;

struct Function {
  std::string_view name;
  std::size_t least = 1;  // arguments
  std::size_t most = 1;
  Result<Value> (*run)(const Call&) = nullptr;
  Kind result = Kind::nil;  // the kind that it always answers; nil: it depends
};

// One list for each file.
std::span<const Function> text_functions();
std::span<const Function> list_functions();
std::span<const Function> number_functions();
std::span<const Function> conversion_functions();
std::span<const Function> time_functions();

// Null: there is none.
const Function* find_function(std::string_view name);

// "holder.name(arguments)" of times and durations; the holder is the first argument.
Result<Value> call_method(const Call& call);

// A list of these items, unless it becomes too large or too deep.
Result<Value> made_list(List items, Budget& budget);
Result<Value> made_map(Members members, Budget& budget);

// A member of a map, an item of a list. invalid: there is no such index, or the holder has neither.
// shown: what stands for the key in an error, which must not tell a value.
Result<Value> fetch(const Value& holder, const Value& key, std::string_view shown);

// An integer, or a real without a fraction that fits into one.
std::optional<std::int64_t> whole_number(const Value& value);

// Both are integers, or one of them is a real.
Result<Value> add_numbers(const Value& a, const Value& b);

}  // namespace slicemill::expression
