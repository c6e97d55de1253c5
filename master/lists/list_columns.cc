#include "master/lists/list_columns.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>

namespace slicemill::master {

namespace {

constexpr std::size_t kWasteAllowed = 64 << 10;

void take_over(ListColumn& column, std::size_t row, const Statement& query, int position) {
  const bool is_null = query.is_null(position);
  if (!column.is_text) {
    column.numbers[row] = is_null ? ListColumn::kNone : query.integer(position);
  } else if (is_null) {
    column.texts.clear(row);
  } else {
    column.texts.set(row, query.view(position));
  }
}

void insert_row(ListColumn& column, std::size_t row) {
  if (column.is_text) {
    column.texts.insert(row);
  } else {
    column.numbers.insert(column.numbers.begin() + static_cast<std::ptrdiff_t>(row), ListColumn::kNone);
  }
}

}  // namespace

std::optional<std::string_view> TextColumn::joined(std::size_t begin, std::size_t end) const {
  for (std::size_t row = begin; row < end; ++row) {
    if (!has(row) || (row > begin && places_[row].begin != places_[row - 1].begin + places_[row - 1].length))
      return std::nullopt;
  }
  const std::size_t first = places_[begin].begin;
  return std::string_view(bytes_).substr(first, places_[end - 1].begin + places_[end - 1].length - first);
}

void TextColumn::insert(std::size_t row) {
  places_.insert(places_.begin() + static_cast<std::ptrdiff_t>(row), Place{});
}

void TextColumn::clear(std::size_t row) {
  if (has(row)) live_ -= places_[row].length;
  places_[row] = {};
}

void TextColumn::keep(const std::vector<std::size_t>& rows) {
  std::vector<Place> kept;
  kept.reserve(rows.size());
  live_ = 0;
  for (const std::size_t row : rows) {
    kept.push_back(places_[row]);
    if (has(row)) live_ += places_[row].length;
  }
  places_ = std::move(kept);
  if (bytes_.size() > 2 * live_ + kWasteAllowed) compact();
}

void TextColumn::set(std::size_t row, std::string_view text) {
  text = text.substr(0, kNone - 1);
  clear(row);
  places_[row].begin = bytes_.size();
  places_[row].length = text.size();
  bytes_.append(text);
  live_ += text.size();
  if (bytes_.size() > 2 * live_ + kWasteAllowed) compact();
}

void TextColumn::compact() {
  std::string kept;
  kept.reserve(live_);
  for (std::size_t row = 0; row < places_.size(); ++row) {
    if (!has(row)) continue;
    const std::size_t begin = kept.size();
    kept.append(at(row));
    places_[row].begin = begin;
  }
  bytes_ = std::move(kept);
}

// Sequence numbers are given before the write, so a lower one may come after a higher one.
std::size_t ListColumns::row_of(std::int64_t seq) {
  const auto place = std::ranges::lower_bound(seqs_, seq);
  const auto row = static_cast<std::size_t>(place - seqs_.begin());
  if (place != seqs_.end() && *place == seq) return row;
  seqs_.insert(place, seq);
  for (auto& [expression, column] : columns_) insert_row(column, row);
  return row;
}

// Stamps begin anew in a table without rows, and so do the columns.
void ListColumns::erase(const std::vector<std::int64_t>& seqs) {
  const std::set<std::int64_t> gone(seqs.begin(), seqs.end());
  std::vector<std::size_t> kept;
  for (std::size_t row = 0; row < seqs_.size(); ++row)
    if (!gone.contains(seqs_[row])) kept.push_back(row);
  if (kept.size() == seqs_.size()) return;
  if (kept.empty()) {
    *this = ListColumns(table_);
    return;
  }
  const auto keep = [&kept](auto& values) {
    for (std::size_t i = 0; i < kept.size(); ++i) values[i] = values[kept[i]];
    values.resize(kept.size());
  };
  keep(seqs_);
  for (auto& [expression, column] : columns_) {
    if (column.is_text)
      column.texts.keep(kept);
    else
      keep(column.numbers);
  }
}

Result<void> ListColumns::refresh(Database& database) {
  RETURN_IF_ERROR(take_over_changes(database, -1));
  return {};
}

Result<bool> ListColumns::catch_up(Database& database, std::int64_t limit) {
  ASSIGN_OR_RETURN(const std::int64_t rows, take_over_changes(database, limit));
  return rows >= limit;
}

Result<std::int64_t> ListColumns::take_over_changes(Database& database, std::int64_t limit) {
  auto taken = take_over_rows(database, limit);
  // Rows that were not reached could be taken for known ones: begin anew.
  if (!taken) *this = ListColumns(table_);
  return taken;
}

Result<std::int64_t> ListColumns::take_over_rows(Database& database, std::int64_t limit) {
  std::string wanted;
  for (const auto& [expression, column] : columns_) wanted += ", " + expression;
  const std::string text =
      seqs_.empty() && limit < 0
          ? fmt::format("SELECT seq, stamp{} FROM {} WHERE +stamp > ?1 ORDER BY seq", wanted, table_)
          : fmt::format("SELECT seq, stamp{} FROM {} WHERE stamp > ?1 ORDER BY stamp", wanted, table_);
  ASSIGN_OR_RETURN(Statement query, database.statement(text));
  query.bind(1, stamp_);
  for (std::int64_t rows = 0;; ++rows) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) return rows;
    const std::int64_t stamp = query.integer(1);
    // Rows that changed together have one stamp, and the next time only higher ones are looked at.
    if (limit >= 0 && rows >= limit && stamp != stamp_) return rows;
    const std::size_t row = row_of(query.integer(0));
    stamp_ = std::max(stamp_, stamp);
    int position = 2;
    for (auto& [expression, column] : columns_) take_over(column, row, query, position++);
  }
}

Result<const ListColumn*> ListColumns::column(Database& database, const std::string& expression, bool is_text) {
  if (const auto found = columns_.find(expression); found != columns_.end()) return &found->second;
  ListColumn column;
  column.is_text = is_text;
  ASSIGN_OR_RETURN(Statement query,
                   database.statement(fmt::format("SELECT {}, seq FROM {} ORDER BY seq", expression, table_)));
  ASSIGN_OR_RETURN(bool more, query.step());
  for (std::size_t row = 0; row < seqs_.size(); ++row) {
    insert_row(column, row);
    if (!more || query.integer(1) != seqs_[row]) continue;  // removed, and erase() is about to come
    take_over(column, row, query, 0);
    ASSIGN_OR_RETURN(more, query.step());
  }
  return &columns_.emplace(expression, std::move(column)).first->second;
}

}  // namespace slicemill::master
