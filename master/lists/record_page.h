// The page of a list whose records come one after the other: filtered, sorted and cut as a RecordQuery wants it, in
// memory that is bounded by the page's end. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/model/list_query.h"
#include "core/runtime/json.h"

namespace slicemill::master {

class RecordPage {
 public:
  // Records are offered latest change first; that is the order of a query that names none.
  explicit RecordPage(const RecordQuery& query) : query_(query) {}

  void offer(Json record);
  // No further record can change the page.
  bool is_full() const { return in_order_ && kept_.size() >= end(); }
  // The records of the page. At the end.
  std::vector<Json> take();

 private:
  struct Kept {
    Json record;
    std::vector<query::Value> values;  // none if the records come in order
  };

  std::size_t end() const { return static_cast<std::size_t>(query_.from) + static_cast<std::size_t>(query_.size); }
  void sort_and_cut();

  RecordQuery query_;
  bool in_order_ = query::is_default_sort(query_.sort);
  std::vector<Kept> kept_;
};

}  // namespace slicemill::master
