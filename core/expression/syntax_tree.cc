#include "core/expression/syntax_tree.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/expression/tokens.h"

namespace slicemill::expression {
namespace {

struct BinaryOperator {
  std::string_view symbol;
  int binding;
  bool is_right = false;    // a ** b ** c is a ** (b ** c)
  bool may_be_not = false;  // a not in b
  bool is_chained = false;  // a < b < c is a < b and b < c
};

constexpr int kLoosest = 0;
constexpr int kOpposite = 50;
constexpr int kSign = 90;

constexpr std::array kOperators = {
    BinaryOperator{"|", 0},
    BinaryOperator{"or", 10},
    BinaryOperator{"||", 10},
    BinaryOperator{"and", 15},
    BinaryOperator{"&&", 15},
    BinaryOperator{"==", 20},
    BinaryOperator{"!=", 20},
    BinaryOperator{"<", 20, false, false, true},
    BinaryOperator{">", 20, false, false, true},
    BinaryOperator{"<=", 20, false, false, true},
    BinaryOperator{">=", 20, false, false, true},
    BinaryOperator{"in", 20, false, true},
    BinaryOperator{"matches", 20, false, true},
    BinaryOperator{"contains", 20, false, true},
    BinaryOperator{"startsWith", 20, false, true},
    BinaryOperator{"endsWith", 20, false, true},
    BinaryOperator{"..", 25},
    BinaryOperator{"+", 30},
    BinaryOperator{"-", 30},
    BinaryOperator{"*", 60},
    BinaryOperator{"/", 60},
    BinaryOperator{"%", 60},
    BinaryOperator{"**", 100, true},
    BinaryOperator{"^", 100, true},
    BinaryOperator{"??", 500},
};

const BinaryOperator* operator_of(const Token& token) {
  if (token.kind != TokenKind::symbol) return nullptr;
  const auto* found =
      std::ranges::find_if(kOperators, [&](const BinaryOperator& one) { return one.symbol == token.text; });
  return found == kOperators.end() ? nullptr : found;
}

// Words such as "in" are names too where nothing but a name may stand.
bool is_name(const Token& token) {
  const bool is_word = token.kind == TokenKind::symbol && token.text[0] >= 'a' && token.text[0] <= 'z';
  return token.kind == TokenKind::name || is_word;
}

// The shape of functions whose arguments are evaluated for each item.
struct PredicateFunction {
  std::string_view name;
  bool needs_predicate = true;
  bool has_third = false;  // an optional argument more
};
constexpr std::array kPredicateFunctions = {
    PredicateFunction{"all"},
    PredicateFunction{"none"},
    PredicateFunction{"any"},
    PredicateFunction{"one"},
    PredicateFunction{"filter"},
    PredicateFunction{"map"},
    PredicateFunction{"count", false},
    PredicateFunction{"sum", false},
    PredicateFunction{"find"},
    PredicateFunction{"findIndex"},
    PredicateFunction{"findLast"},
    PredicateFunction{"findLastIndex"},
    PredicateFunction{"groupBy"},
    PredicateFunction{"countBy"},
    PredicateFunction{"sortBy", true, true},
    PredicateFunction{"reduce", true, true},
};

class SyntaxParser {
 public:
  SyntaxParser(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

  Result<SyntaxTree> run() {
    ASSIGN_OR_RETURN(tree_.root, expression());
    if (peek().kind != TokenKind::end) return unexpected();
    return std::move(tree_);
  }

 private:
  // Counts how deep the parser calls itself.
  class Nesting {
   public:
    explicit Nesting(int& depth) : depth_(++depth) {}
    ~Nesting() { --depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    int& depth_;
  };

  const Token& peek() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool take_if(std::string_view symbol) {
    if (!peek().is(symbol)) return false;
    take();
    return true;
  }

  Error error(const Token& token, std::string_view message) const { return error_at(text_, token.offset, message); }
  Error unexpected() const {
    if (peek().kind == TokenKind::end) return error(peek(), "the expression ends too early");
    return error(peek(),
                 fmt::format("unexpected {}", text_.substr(peek().offset, std::min<std::size_t>(peek().size, 40))));
  }
  Result<void> expect(std::string_view symbol) {
    if (take_if(symbol)) return {};
    if (peek().kind == TokenKind::end) return error(peek(), fmt::format("{} is missing", symbol));
    return unexpected();
  }

  // A new node, unless the tree becomes too deep.
  Result<int> add(Node node) {
    int deepest = 0;
    for (const int part : node.parts)
      if (part != kNoNode) deepest = std::max(deepest, depths_[static_cast<std::size_t>(part)]);
    if (deepest >= kMostTreeDepth) return error_at(text_, node.offset, "the expression is nested too deeply");
    depths_.push_back(deepest + 1);
    tree_.nodes.push_back(std::move(node));
    return static_cast<int>(tree_.nodes.size() - 1);
  }
  Result<int> add(NodeKind kind, const Token& token, std::vector<int> parts, std::string text = "") {
    Node node;
    node.kind = kind;
    node.offset = static_cast<std::uint32_t>(token.offset);
    node.parts = std::move(parts);
    node.text = std::move(text);
    return add(std::move(node));
  }
  Result<int> literal(const Token& token, Value value) {
    Node node;
    node.offset = static_cast<std::uint32_t>(token.offset);
    node.value = std::move(value);
    return add(std::move(node));
  }

  Result<int> expression() {
    if (peek().is("let")) return declaration();
    if (peek().is("if")) return if_else();
    return operation(kLoosest);
  }

  Result<int> declaration() {
    const Nesting nesting(depth_);
    if (depth_ > kMostTreeDepth) return too_deep();
    take();
    const Token name = take();
    if (name.kind != TokenKind::name) return error(name, "let needs a name");
    RETURN_IF_ERROR(expect("="));
    ASSIGN_OR_RETURN(const int value, expression());
    RETURN_IF_ERROR(expect(";"));
    ASSIGN_OR_RETURN(const int rest, expression());
    return add(NodeKind::declaration, name, {value, rest}, name.text);
  }

  Result<int> if_else() {
    const Nesting nesting(depth_);
    if (depth_ > kMostTreeDepth) return too_deep();
    const Token begin = take();
    ASSIGN_OR_RETURN(const int condition, operation(kLoosest));
    ASSIGN_OR_RETURN(const int then, braced());
    RETURN_IF_ERROR(expect("else"));
    ASSIGN_OR_RETURN(const int otherwise, peek().is("if") ? if_else() : braced());
    return add(NodeKind::choice, begin, {condition, then, otherwise});
  }

  Result<int> braced() {
    RETURN_IF_ERROR(expect("{"));
    ASSIGN_OR_RETURN(const int inner, expression());
    RETURN_IF_ERROR(expect("}"));
    return inner;
  }

  Error too_deep() const { return error(peek(), "the expression is nested too deeply"); }

  Result<int> operation(int binding) {
    const Nesting nesting(depth_);
    if (depth_ > kMostTreeDepth) return too_deep();
    ASSIGN_OR_RETURN(int left, operand());
    for (std::string_view before;;) {
      const Token token = peek();
      const bool is_not = token.is("not");
      const auto* found = operator_of(is_not ? ahead() : token);
      if (found == nullptr || found->binding < binding || (is_not && !found->may_be_not)) break;
      if (before == "??" && found->symbol != "??")
        return error(token, fmt::format("{} beside ?? needs parentheses", found->symbol));
      if (is_not) take();
      take();
      ASSIGN_OR_RETURN(left, apply(*found, token, left));
      if (is_not) {
        ASSIGN_OR_RETURN(left, add(NodeKind::opposite, token, {left}));
      }
      before = found->symbol;
    }
    return binding == kLoosest ? conditional(left) : left;
  }

  Result<int> apply(const BinaryOperator& found, const Token& token, int left) {
    if (found.symbol == "|") {
      const Token name = take();
      if (name.kind != TokenKind::name) return error(name, "a function must follow |");
      ASSIGN_OR_RETURN(const int call, function_call(name, {left}));
      return postfix(call);
    }
    if (found.is_chained) return comparison(found, token, left);
    ASSIGN_OR_RETURN(const int right, operation(found.is_right ? found.binding : found.binding + 1));
    return add(NodeKind::operation, token, {left, right}, std::string(found.symbol));
  }

  Result<int> comparison(const BinaryOperator& first, const Token& token, int left) {
    int all = kNoNode;
    const auto* found = &first;
    Token place = token;
    for (;;) {
      ASSIGN_OR_RETURN(const int right, operation(found->binding + 1));
      ASSIGN_OR_RETURN(const int one, add(NodeKind::operation, place, {left, right}, std::string(found->symbol)));
      if (all == kNoNode) {
        all = one;
      } else {
        ASSIGN_OR_RETURN(all, add(NodeKind::operation, place, {all, one}, "and"));
      }
      found = operator_of(peek());
      if (found == nullptr || !found->is_chained) return all;
      place = take();
      left = right;
    }
  }

  Result<int> conditional(int condition) {
    while (peek().is("?")) {
      const Token token = take();
      int then = condition;
      if (!peek().is(":")) {
        ASSIGN_OR_RETURN(then, expression());
      }
      RETURN_IF_ERROR(expect(":"));
      ASSIGN_OR_RETURN(const int otherwise, expression());
      ASSIGN_OR_RETURN(condition, add(NodeKind::choice, token, {condition, then, otherwise}));
    }
    return condition;
  }

  Result<int> operand() {
    const Token token = peek();
    if (token.is("not") || token.is("!") || token.is("-") || token.is("+")) {
      take();
      const bool is_sign = token.is("-") || token.is("+");
      ASSIGN_OR_RETURN(const int inner, operation(is_sign ? kSign : kOpposite));
      return add(!is_sign ? NodeKind::opposite : token.is("-") ? NodeKind::negation : NodeKind::plus, token, {inner});
    }
    ASSIGN_OR_RETURN(const int begin, primary());
    return postfix(begin);
  }

  Result<int> primary() {
    const Token token = peek();
    switch (token.kind) {
      case TokenKind::number:
        take();
        return number(token);
      case TokenKind::text:
        take();
        return literal(token, Value(token.text));
      case TokenKind::name:
        take();
        return named(token);
      case TokenKind::symbol:
        return bracketed(token);
      case TokenKind::end:
        return unexpected();
    }
    return unexpected();
  }

  Result<int> named(const Token& token) {
    if (peek().is("(")) return function_call(token, {});
    if (token.text == "true" || token.text == "false") return literal(token, Value(token.text == "true"));
    if (token.text == "nil") return literal(token, Value());
    return add(NodeKind::name, token, {}, token.text);
  }

  Result<int> bracketed(const Token& token) {
    if (take_if("(")) {
      ASSIGN_OR_RETURN(const int inner, expression());
      RETURN_IF_ERROR(expect(")"));
      return inner;
    }
    if (token.is("[")) return list();
    if (token.is("{")) return map();
    if (token.is("#") || token.is(".")) return item(token);
    if (take_if("::")) {
      const Token name = take();
      if (name.kind != TokenKind::name) return error(name, "a function must follow ::");
      return function_call(name, {});
    }
    return unexpected();
  }

  // "#", "#acc", or the "." of a member of "#", which postfix() takes.
  Result<int> item(const Token& token) {
    if (predicates_ == 0) return error(token, fmt::format("{} stands for an item, outside of a predicate", token.text));
    std::string name;
    if (take_if("#") && peek().kind == TokenKind::name && peek().offset == token.offset + 1) name = take().text;
    if (!name.empty() && name != "acc" && name != "index") return error(token, fmt::format("unknown #{}", name));
    return add(NodeKind::item, token, {}, std::move(name));
  }

  Result<int> number(const Token& token) {
    const std::string& digits = token.text;
    const auto* begin = digits.data();
    const auto* end = begin + digits.size();
    if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'o' || digits[1] == 'b')) {
      return integer(token, begin + 2, end, digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : 2);
    }
    if (digits.find_first_of(".e") == digits.npos) return integer(token, begin, end, 10);
    double value = 0;
    const auto read = std::from_chars(begin, end, value);
    if (read.ec != std::errc() || read.ptr != end || !std::isfinite(value))
      return error(token, "a number that does not fit");
    return literal(token, Value(value));
  }

  Result<int> integer(const Token& token, const char* begin, const char* end, int base) {
    std::int64_t value = 0;
    const auto read = std::from_chars(begin, end, value, base);
    if (read.ec != std::errc() || read.ptr != end) return error(token, "a number that does not fit into 64 bits");
    return literal(token, Value(value));
  }

  Result<int> list() {
    const Token begin = take();
    std::vector<int> items;
    while (!peek().is("]")) {
      ASSIGN_OR_RETURN(const int one, expression());
      items.push_back(one);
      if (!take_if(",")) break;
    }
    RETURN_IF_ERROR(expect("]"));
    return add(NodeKind::list, begin, std::move(items));
  }

  Result<int> map() {
    const Token begin = take();
    std::vector<int> members;
    while (!peek().is("}")) {
      const Token key = peek();
      int name = kNoNode;
      if (key.is("(")) {
        ASSIGN_OR_RETURN(name, primary());
      } else if (is_name(key) || key.kind == TokenKind::text || key.kind == TokenKind::number) {
        take();
        ASSIGN_OR_RETURN(name, literal(key, Value(key.text)));
      } else {
        return error(key, "a key is a name, a text, a number, or an expression in parentheses");
      }
      RETURN_IF_ERROR(expect(":"));
      ASSIGN_OR_RETURN(const int value, expression());
      members.push_back(name);
      members.push_back(value);
      if (!take_if(",")) break;
    }
    RETURN_IF_ERROR(expect("}"));
    return add(NodeKind::map, begin, std::move(members));
  }

  Result<int> function_call(const Token& name, std::vector<int> arguments) {
    const auto* found =
        std::ranges::find_if(kPredicateFunctions, [&](const PredicateFunction& one) { return one.name == name.text; });
    if (found == kPredicateFunctions.end()) {
      ASSIGN_OR_RETURN(arguments, plain_arguments(std::move(arguments)));
      return add(NodeKind::call, name, std::move(arguments), name.text);
    }
    RETURN_IF_ERROR(expect("("));
    if (arguments.empty()) {
      ASSIGN_OR_RETURN(const int first, expression());
      arguments.push_back(first);
      if (!peek().is(")")) {
        RETURN_IF_ERROR(expect(","));
      }
    }
    RETURN_IF_ERROR(predicate_arguments(*found, name, arguments));
    take_if(",");
    RETURN_IF_ERROR(expect(")"));
    return add(NodeKind::call, name, std::move(arguments), name.text);
  }

  Result<void> predicate_arguments(const PredicateFunction& function, const Token& name, std::vector<int>& arguments) {
    if (peek().is(")")) {
      if (function.needs_predicate) return error(name, fmt::format("{} needs a predicate", name.text));
      return {};
    }
    ASSIGN_OR_RETURN(const int inner, predicate());
    arguments.push_back(inner);
    if (!function.has_third || !peek().is(",") || ahead().is(")")) return {};
    take();
    ASSIGN_OR_RETURN(const int third, expression());
    arguments.push_back(third);
    return {};
  }

  Result<int> predicate() {
    const Token begin = peek();
    const bool is_braced = take_if("{");
    ++predicates_;
    auto inner = expression();
    --predicates_;
    if (!inner) return inner;
    if (is_braced) {
      RETURN_IF_ERROR(expect("}"));
    }
    return add(NodeKind::predicate, begin, {*inner});
  }

  // "(", expressions with commas between them, ")"; behind what is given.
  Result<std::vector<int>> plain_arguments(std::vector<int> arguments) {
    RETURN_IF_ERROR(expect("("));
    while (!peek().is(")")) {
      ASSIGN_OR_RETURN(const int one, expression());
      arguments.push_back(one);
      if (!take_if(",")) break;
    }
    RETURN_IF_ERROR(expect(")"));
    return arguments;
  }

  Result<int> postfix(int holder) {
    bool is_chain = false;
    for (;;) {
      const Token token = peek();
      const bool is_optional = token.is("?.");
      is_chain = is_chain || is_optional;
      if (token.is(".") || is_optional) {
        take();
        if (is_optional && peek().is("[")) {
          ASSIGN_OR_RETURN(holder, index(holder, true));
        } else {
          ASSIGN_OR_RETURN(holder, member(holder, is_optional));
        }
      } else if (token.is("[")) {
        ASSIGN_OR_RETURN(holder, index(holder, false));
      } else if (is_chain) {
        return add(NodeKind::chain, token, {holder});
      } else {
        return holder;
      }
    }
  }

  Result<int> member(int holder, bool is_optional) {
    const Token name = take();
    if (!is_name(name)) return error(name, "a name must follow the point");
    if (peek().is("(")) {
      ASSIGN_OR_RETURN(auto parts, plain_arguments({holder}));
      ASSIGN_OR_RETURN(const int call, add(NodeKind::method, name, std::move(parts), name.text));
      tree_.nodes[static_cast<std::size_t>(call)].is_optional = is_optional;
      return call;
    }
    ASSIGN_OR_RETURN(const int key, literal(name, Value(name.text)));
    return add_member(name, holder, key, is_optional);
  }

  Result<int> add_member(const Token& place, int holder, int key, bool is_optional) {
    ASSIGN_OR_RETURN(const int made, add(NodeKind::member, place, {holder, key}));
    tree_.nodes[static_cast<std::size_t>(made)].is_optional = is_optional;
    return made;
  }

  Result<int> index(int holder, bool is_optional) {
    const Token begin = take();
    int from = kNoNode;
    if (!peek().is(":")) {
      ASSIGN_OR_RETURN(from, expression());
      if (take_if("]")) return add_member(begin, holder, from, is_optional);
    }
    RETURN_IF_ERROR(expect(":"));
    int to = kNoNode;
    if (!peek().is("]")) {
      ASSIGN_OR_RETURN(to, expression());
    }
    RETURN_IF_ERROR(expect("]"));
    return add(NodeKind::slice, begin, {holder, from, to});
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int predicates_ = 0;
  SyntaxTree tree_;
  std::vector<int> depths_;  // of the nodes
};

}  // namespace

Result<SyntaxTree> parse_syntax(std::string_view text) {
  if (text.size() > kMostExpressionBytes)
    return Error{ErrorCode::invalid,
                 fmt::format("the expression has {} bytes; at most {} are read", text.size(), kMostExpressionBytes),
                 false};
  ASSIGN_OR_RETURN(auto tokens, tokens_of(text));
  return SyntaxParser(text, std::move(tokens)).run();
}

}  // namespace slicemill::expression
