// Which fields records can have at a place of a job, as far as the operations before that place tell. Any thread.
//
// A guess would refuse good jobs: where a record may have any field (readers of JSON, scripts), nothing is known.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/formats/field_names.h"
#include "core/formats/field_path.h"
#include "core/model/job_spec.h"
#include "core/model/operation_schema.h"
#include "core/runtime/files.h"

namespace slicemill {

class KnownFields {
 public:
  // files: where the header of a table is looked up that is one regular file; null: only what options say counts.
  // Nothing: a record may have any field.
  static std::optional<KnownFields> behind(std::span<const OperationSpec> before, Files* files);

  // Such a field, one around it, or one within it.
  bool may_have(const FieldPath& field) const;
  // Of a field that no record has: "no record has the field `nam`; there are `id`, `name` (did you mean `name`?)".
  std::string complaint(const FieldPath& field, WrittenField written = nullptr) const;

 private:
  explicit KnownFields(std::vector<FieldPath> fields) : fields_(std::move(fields)) {}

  // False: nothing is known any more.
  bool pass(const OperationSpec& operation);
  bool choose(const Json& chosen);
  void copy(const Json& options);
  void drop(const std::string& path);
  void add(const std::string& path);

  std::vector<FieldPath> fields_;
};

// For OperationSchema::check_place, of an option that names a field or fields: one that no record has.
std::optional<OperationSchema::PlaceWarning> absent_field_warning(const Json& options, const char* option,
                                                                  std::span<const OperationSpec> before);

}  // namespace slicemill
