// What the expressions of the tests know.
#pragma once

#include "core/expression/environment.h"

namespace slicemill::expression {

inline Value map_of(Members members) {
  return Value::map(std::move(members));
}

inline Environment case_environment() {
  Environment known;
  known.variables["inputs"] = Value::texts({{"n", "5"},
                                            {"f", "1.5"},
                                            {"name", "Ada"},
                                            {"json", R"({"a":[1,2,{"b":null}],"s":"x","big":12345678})"},
                                            {"lines", "a\nb\nc"},
                                            {"nested", "{{ secrets.token }}"}});
  known.variables["tasks"] = Value::texts({{"t1", "7 apples"}});
  known.variables["job"] = Value::texts({{"id", "9d7d7184b8f244249c5f5d8b4074f72e"}, {"name", "nightly"}});
  known.variables["secrets"] = Value::texts({{"token", "s3cr3t"}});
  known.variables["item"] = map_of({{"index", "0"}, {"value", map_of({{"name", "x"}, {"size", 3}})}});
  known.variables["xs"] = Value::list({3, 1, 2});
  known.variables["people"] =
      Value::list({map_of({{"name", "Ada"}, {"age", 36}}), map_of({{"name", "Bob"}, {"age", 30}})});
  known.variables["nothing"] = Value();
  known.now = {1'795'538'187, 500'000'000, 0};
  known.random = [state = std::uint64_t{1}]() mutable {
    return state = state * 6364136223846793005U + 1442695040888963407U;
  };
  return known;
}

}  // namespace slicemill::expression
