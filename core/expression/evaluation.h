// One evaluation of a tree. One thread; used once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/expression/budget.h"
#include "core/expression/environment.h"
#include "core/expression/functions.h"
#include "core/expression/patterns.h"
#include "core/expression/syntax_tree.h"
#include "core/expression/value.h"
#include "core/runtime/result.h"

namespace slicemill::expression {

class Evaluation {
 public:
  // All must outlive it. text: what the tree was read from, for the places of errors.
  Evaluation(std::string_view text, const SyntaxTree& tree, const Environment& environment, Budget& budget)
      : text_(text), tree_(tree), environment_(environment), budget_(budget), patterns_(budget) {}

  Result<Value> run() { return value_of(tree_.root); }

 private:
  // What "#", "#acc" and "#index" stand for.
  struct Item {
    Value value;
    Value accumulator;
    std::int64_t index = 0;
  };

  Result<Value> value_of(int index);
  Result<Value> value_of_name(const Node& node);
  Result<Value> value_of_list(const Node& node);
  Result<Value> value_of_map(const Node& node);
  Result<Value> negation(const Node& node);
  Result<Value> choice(const Node& node);
  Result<Value> member(const Node& node);
  Result<Value> slice(const Node& node);
  Result<Value> declaration(const Node& node);
  Result<Value> call(const Node& node);
  Result<Value> method(const Node& node);
  Value item(const Node& node) const;

  Result<Value> operation(const Node& node);
  Result<Value> logic(const Node& node);
  Result<void> check_comparable(const Node& node, const Value& a, const Value& b) const;
  // Whether the tree and the environment alone say of which kind a part is, whatever it is computed from.
  bool has_fixed_kind(int index) const;

  // ---- functions with a predicate (predicates.cc) ----
  // Nothing: the function has none.
  std::optional<Result<Value>> predicate_call(const Node& node);
  Result<Value> over(const Node& node, const Value& holder);
  Result<Value> of_predicate(const Node& node, const Item& item);
  Result<bool> holds(const Node& node, const Item& item);
  Result<Value> tested(const Node& node, const List& items);
  Result<Value> found(const Node& node, const List& items);
  Result<Value> filtered(const Node& node, const List& items);
  Result<Value> mapped(const Node& node, const List& items);
  Result<Value> counted(const Node& node, const List& items);
  Result<Value> summed(const Node& node, const List& items);
  Result<Value> grouped(const Node& node, const List& items);
  Result<Value> sorted(const Node& node, const List& items);
  Result<Value> reduced(const Node& node, const List& items);

  Result<bool> condition(int index);
  const Node& node_at(int index) const { return tree_.nodes[static_cast<std::size_t>(index)]; }
  Error error(const Node& node, std::string_view message) const;
  // A value or an error of a function that knows no places.
  Result<Value> placed(const Node& node, Result<Value> result) const;

  std::string_view text_;
  const SyntaxTree& tree_;
  const Environment& environment_;
  Budget& budget_;
  Patterns patterns_;
  std::vector<std::pair<std::string_view, Value>> names_;  // of declarations, the innermost one last
  std::vector<Item> items_;                                // of predicates, the innermost one last
  bool is_broken_ = false;                                 // the chain that is evaluated met nil
};

}  // namespace slicemill::expression
