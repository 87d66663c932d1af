-- Whether the profile of a degrade (JSON) forbids a call by its name: a denied tool, one that is not
-- among the only ones allowed, or a model that is to be replaced. Whether a tool only reads is known to
-- its agent alone, so nothing else is forbidden for sure.
create or replace macro takes_away(profile, kind, name) as
    case
        when not coalesce(json_valid(profile), false) then false
        when kind = 'tool'
        then
            list_contains(json_extract_string(profile, '$.tools.deny[*]'), name)
            or (
                json_extract_string(profile, '$.tools.class') is null
                and len(json_extract_string(profile, '$.tools.allow[*]')) > 0
                and not list_contains(json_extract_string(profile, '$.tools.allow[*]'), name)
            )
        else coalesce(list_contains(json_keys(profile, '$.model_map'), name), false)
    end;
