// Bodies of this dialect that hold what jobs were started with: made while they are sent, as that may be large.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/http/message.h"
#include "core/model/documents.h"
#include "core/runtime/json.h"
#include "core/runtime/json_text.h"
#include "core/runtime/result.h"

namespace slicemill::api::amp {

// An object whose last member is a descriptor, read when its turn has come; an empty text is null there.
struct Described {
  std::string members;  // `{"id":7,...,"descriptor":`
  std::function<Result<ShownDocument>()> configuration;
};

std::string members_text(const JsonMembers& members, std::string_view descriptor_name);
// before, the objects with commas between them, after.
std::shared_ptr<BodySource> described_body(std::string before, std::vector<Described> objects, std::string after);

}  // namespace slicemill::api::amp
