while read -r line; do
  case $line in
    *'"id":"3"'*) if [ -z "$MOOD" ]; then exit 1; fi; echo '{"id":"3","detected":true}' ;;
    *'"id":"4"'*) echo '{"id":"4","detected":false}' ;;
    *) echo yes ;;
  esac
done
