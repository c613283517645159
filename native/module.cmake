# cti_module(NAME DEPENDS other... SOURCES file...)
#
# A folder of native/ as an object library. DEPENDS is the list of folders it may include from ("who may know whom",
# docs/internals.md); scripts/check-arrows holds the #include lines to it.
function(cti_module name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;SOURCES" ${ARGN})
  add_library(cti_${name} OBJECT ${ARG_SOURCES})
  target_include_directories(cti_${name} PUBLIC ${PROJECT_SOURCE_DIR}/native ${PROJECT_SOURCE_DIR}/include)
  foreach(dependency IN LISTS ARG_DEPENDS)
    target_link_libraries(cti_${name} PUBLIC cti_${dependency})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY CTI_MODULES cti_${name})
endfunction()
