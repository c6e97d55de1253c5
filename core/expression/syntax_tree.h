// The tree of an expression. Nodes lie in one list and know each other by index, so a tree is copied and freed without
// recursion.
//
// expression := "let" name "=" expression ";" expression
//             | "if" expression "{" expression "}" "else" ("{" expression "}" | if-expression)
//             | operation ["?" [expression] ":" expression]
// operation  := operands with the operators below, the ones that bind least first:
//               |   or ||   and &&   == != < > <= >= in matches contains startsWith endsWith (and "not" before the last
//               five)   ..   + -   not !   * / %   unary + -   ** ^   ??
// operand    := number | text | "true" | "false" | "nil" | name | "[" items "]" | "{" members "}" | call
//             | "(" expression ")" | "#" [name] | "." name            the last two within predicates
// postfix    := "." name | "?." name | "[" index "]" | "[" [from] ":" [to] "]" | "." name "(" arguments ")"
// call       := name "(" arguments ")"; a predicate may stand in braces
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/expression/value.h"
#include "core/runtime/result.h"

namespace slicemill::expression {

enum class NodeKind : std::uint8_t {
  literal,      // value
  name,         // text
  list,         // items
  map,          // keys and values by turns
  negation,     // -x
  plus,         // +x
  opposite,     // not x
  operation,    // text is the operator: a, b
  choice,       // condition, then, else
  member,       // holder, name as a literal or an index; optional: nil for a member of nil
  slice,        // holder, from, to; kNoNode for what is not given
  chain,        // what gives nil where an optional member in it meets nil
  call,         // text is the function: arguments
  method,       // text is the method: holder, arguments
  predicate,    // an expression over "#"
  item,         // "#", or text: "acc", "index"
  declaration,  // text is the name: value, expression
};

inline constexpr int kNoNode = -1;
inline constexpr std::size_t kMostExpressionBytes = 64 << 10;
inline constexpr int kMostTreeDepth = 200;

struct Node {
  NodeKind kind = NodeKind::literal;
  std::uint32_t offset = 0;  // in the text, of what an error is about
  bool is_optional = false;
  std::string text;
  Value value;
  std::vector<int> parts;
};

struct SyntaxTree {
  std::vector<Node> nodes;
  int root = kNoNode;
};

// invalid, with "(line:column)": what does not follow the grammar, is longer than kMostExpressionBytes, or deeper than
// kMostTreeDepth. Names and functions are not looked up.
Result<SyntaxTree> parse_syntax(std::string_view text);

}  // namespace slicemill::expression
