#include <utility>

#include "core/expression/budget.h"
#include "core/expression/printed_numbers.h"
#include "core/expression/value.h"

namespace slicemill::expression {
namespace {

Result<void> print(const Value& value, Budget& budget, std::string& out);

Result<void> print_scalar(std::string_view text, Budget& budget, std::string& out) {
  RETURN_IF_ERROR(budget.make(text.size()));
  out += text;
  return {};
}

Result<void> print_holder(const Value& value, Budget& budget, std::string& out) {
  const bool is_list = value.kind() == Kind::list;
  out += is_list ? "[" : "map[";
  bool is_first = true;
  const auto separate = [&] {
    if (!std::exchange(is_first, false)) out += ' ';
  };
  if (is_list) {
    for (const auto& item : value.items()) {
      separate();
      RETURN_IF_ERROR(print(item, budget, out));
    }
  } else {
    for (const auto& [name, item] : value.members()) {
      separate();
      RETURN_IF_ERROR(print_scalar(name, budget, out));
      out += ':';
      RETURN_IF_ERROR(print(item, budget, out));
    }
  }
  out += ']';
  return {};
}

Result<void> print(const Value& value, Budget& budget, std::string& out) {
  RETURN_IF_ERROR(budget.make(2));
  RETURN_IF_ERROR(budget.step());
  switch (value.kind()) {
    case Kind::nil:
      return print_scalar("<nil>", budget, out);
    case Kind::boolean:
      return print_scalar(value.boolean() ? "true" : "false", budget, out);
    case Kind::integer:
      return print_scalar(std::to_string(value.integer()), budget, out);
    case Kind::real:
      return print_scalar(printed_real(value.number()), budget, out);
    case Kind::text:
      return print_scalar(value.text(), budget, out);
    case Kind::duration:
      return print_scalar(printed_duration(value.duration()), budget, out);
    case Kind::time:
      return print_scalar(printed_time(value.time()), budget, out);
    case Kind::list:
    case Kind::map:
      return print_holder(value, budget, out);
  }
  return {};
}

}  // namespace

Result<std::string> printed(const Value& value, Budget& budget) {
  std::string out;
  RETURN_IF_ERROR(print(value, budget, out));
  return out;
}

}  // namespace slicemill::expression
