// Chosen fields of records, in the order in which they were chosen: for `selection`, and for what writers are told to
// write. What a path means is in core/formats/field_path.h. One per operation or file; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/field_path.h"
#include "core/formats/json_cast.h"
#include "core/formats/json_tokens.h"
#include "core/runtime/result.h"

namespace slicemill {

struct ChosenField {
  std::string name;  // in messages; in a flat projection also of the output's member
  FieldPath source;
  std::optional<JsonCast> cast = {};
};

// Of paths as options give them. Requires: check_chosen_fields().
std::vector<ChosenField> chosen_fields(const std::vector<std::string>& paths);
// invalid: one of the paths is none, or two of them would be written under one name.
Result<void> check_chosen_fields(const std::vector<std::string>& paths);

class RecordProjection {
 public:
  enum class Form {
    in_place,  // `http.status` stays within `http`, and every item of an array within its array
    flat,      // each field is a member of its own; a list of values becomes an array
  };

  RecordProjection() = default;
  RecordProjection(Form form, std::vector<ChosenField> fields);

  // Takes what the record has of the fields. invalid: a cast of a value within an array failed. Requires:
  // record.is_object().
  Result<void> look_at(const JsonValue& record);

  // Of the record that was looked at last, while it lives.
  // How many bytes write() may take.
  std::size_t size_limit() const;
  // The object of the chosen fields; what the record does not have is left out. Returns the end. invalid: a cast
  // failed.
  Result<char*> write(char* out) const;
  // JSON bytes of a field, without its cast; nothing if the record does not have it. Requires: Form::flat.
  std::optional<std::string_view> value(std::size_t field) const;

  // By field: some record had it.
  const std::vector<bool>& found() const { return found_; }

 private:
  static constexpr std::size_t kAnySlot = ~std::size_t{0};

  // The members to look for in one object of the input.
  struct Wanted {
    JsonKey key;
    std::vector<std::size_t> slots = {};  // that take the value itself
    std::vector<Wanted> children = {};
    std::uint64_t seen_in = 0;     // number of the last record that had it
    std::uint64_t first_bits = 0;  // of the children's names
  };
  // One member of the output; a leaf has a field.
  struct Emitted {
    std::string key;
    std::string opening;  // `"key":`
    std::optional<std::size_t> field = {};
    std::size_t slot = kAnySlot;  // written only if the field was found by this way
    std::vector<Emitted> children = {};
  };
  // The same for records with arrays on the way, whose items are looked at one by one.
  struct Branch {
    JsonKey key;
    std::optional<std::uint64_t> item = {};
    std::optional<std::size_t> field = {};  // the whole value is taken
    bool is_literal = false;                // the key is the rest of the path
    std::vector<Branch> children = {};
  };
  struct Slot {
    std::string_view bytes;
    std::size_t field = 0;
  };

  static void add_wanted(Wanted& root, const FieldPath& path, std::size_t literal_from, std::size_t slot);
  void add_emitted(const std::vector<std::string>& way, std::size_t field, std::size_t slot);
  void add_branches(const FieldPath& path, std::size_t field);
  void capture(const JsonValue& object, Wanted& wanted);
  void forget(const Wanted& wanted);
  void choose();
  Result<void> list_values(const JsonValue& record);
  Result<void> prune(const JsonValue& value, const Branch& branch);
  Result<void> prune_object(const JsonValue& object, const Branch& branch);
  Result<void> prune_array(const JsonValue& array, const Branch& branch);
  void set_listed(std::size_t field) {
    is_listed_[field] = 1;
    has_listed_ = true;
  }
  Result<void> append_value(std::string_view bytes, std::size_t field, std::string& out) const;
  Result<char*> emit(const std::vector<Emitted>& members, char* out) const;

  Form form_ = Form::flat;
  std::vector<ChosenField> fields_;
  Wanted wanted_{JsonKey("")};
  std::vector<Emitted> members_;
  Branch branches_{JsonKey("")};
  std::size_t fixed_bytes_ = 2;           // names, punctuation and the growth of casts
  std::vector<std::size_t> first_slots_;  // by field; one more behind the last
  // of the record
  std::vector<Slot> slots_;
  std::vector<std::size_t> chosen_;  // by field: its slot, kAnySlot if it has none
  std::vector<std::string> lists_;   // by field: values out of arrays, cast
  std::vector<char> is_listed_;      // by field: its value is in lists_, or it is in pruned_
  bool has_listed_ = false;          // any of them
  std::string pruned_;
  std::vector<std::uint32_t> hidden_;  // by field: how many members that bear its whole path hide what is within others
  bool has_arrays_ = false;
  std::uint64_t record_number_ = 0;
  FoundFields values_;
  std::vector<bool> found_;
  std::size_t missing_ = 0;  // fields that no record had
};

}  // namespace slicemill
