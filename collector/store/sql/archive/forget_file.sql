-- A file leaves the manifest. Bound: $path.
delete from sealed_file
where path = $path;
